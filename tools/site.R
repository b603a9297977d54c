# Builds the site from the installed package; its pages ask no other host for anything.

options(pkgdown.internet = FALSE)
pkgdown::build_site(preview = FALSE, install = FALSE, new_process = FALSE)
