# Rscript tools/check-findings.R 00check.log
#
# Prints what R CMD check has found, and ends with status 1 if that is anything. That
# a package is new to CRAN is no finding. (R's own reader of these logs,
# tools::check_packages_in_dir_details(), leaves out some warnings.)

lines <- readLines(commandArgs(trailingOnly = TRUE)[1])
is_summary <- startsWith(lines, "Status: ")
checks <- split(lines[!is_summary], cumsum(startsWith(lines, "* "))[!is_summary])

is_finding <- function(check) {
  any(grepl("(^| )(NOTE|WARNING|ERROR)$", check)) && !is_only_new(check)
}

is_only_new <- function(check) {
  said <- setdiff(check[-1], "")
  startsWith(check[1], "* checking CRAN incoming feasibility") &&
    all(grepl("^(Maintainer: .*|New submission)$", said))
}

findings <- Filter(is_finding, checks)
writeLines(as.character(unlist(findings)))

if (!any(is_summary)) {
  writeLines("R CMD check did not come to its end.")
}
quit(status = as.integer(length(findings) > 0 || !any(is_summary)))
