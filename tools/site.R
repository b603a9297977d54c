# Builds the site from the installed package, without a network. Where it is opened, its
# search and its fonts come from where pkgdown has them; the pages read well without.

options(pkgdown.internet = FALSE)
pkgdown::build_site(preview = FALSE, install = FALSE, new_process = FALSE)
