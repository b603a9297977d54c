# Read by roxygen2 before it writes the help pages.
source("tools/documentation.R")
list()
