# Builds the site from the installed package into docs/, without a network, and so that
# its pages need none: pkgdown's scripts, which come from elsewhere, give way to those in
# tools/site. Stops where a picture is not there or has no text.

# Lines that fetch something, that point into this machine, or that nothing is behind.
is_foreign <- function(node) {
  address <- xml2::xml_attr(node, if (xml2::xml_name(node) == "link") "href" else "src")
  grepl("^(https?:)?//|^file:|/?(pkgdown[.]js|docsearch[.]js)$", address)
}

# The way from a page to the site's top.
base_of <- function(page) {
  strrep("../", lengths(regmatches(page, gregexpr("/", page))))
}

clean_page <- function(page) {
  file <- file.path("docs", page)
  html <- xml2::read_html(file)
  for (node in xml2::xml_find_all(html, "//script[@src] | //link[@rel='stylesheet']")) {
    if (is_foreign(node)) xml2::xml_remove(node)
  }
  xml2::xml_remove(xml2::xml_find_all(html, "//img[@class='logo'][@src='']"))
  # pkgdown replaces pages with its mark alone.
  xml2::xml_remove(xml2::xml_find_all(html, "//comment()[not(contains(., 'pkgdown'))]"))
  for (image in xml2::xml_find_all(html, "//img[@alt='']")) {
    use_caption(image)
    use_code(image)
  }
  xml2::xml_set_attr(xml2::xml_find_all(html, "//input[@id='search-input']"), "aria-label",
    "Search")
  xml2::xml_set_attr(html, "data-base", base_of(page))
  xml2::xml_set_attr(html, "class", paste0("page-", sub("[.]html$", "", basename(page))))
  head <- xml2::xml_find_first(html, "//head")
  add <- function(name, ...) xml2::xml_add_child(head, name, ...)
  add("link", href = paste0(base_of(page), "site.css"), rel = "stylesheet")
  add("script", src = paste0(base_of(page), "site-index.js"), defer = "")
  add("script", src = paste0(base_of(page), "site.js"))
  xml2::write_html(html, file)
}

# pandoc makes the text of a picture that stands alone its caption.
use_caption <- function(image) {
  caption <- xml2::xml_find_first(image, "following-sibling::p[@class='caption']")
  if (!is.na(caption)) xml2::xml_set_attr(image, "alt", xml2::xml_text(caption))
}

# What an example draws has no text of its own: the code that draws it says what it is.
use_code <- function(image) {
  lines <- xml2::xml_text(xml2::xml_find_all(image, "preceding::span[@class='r-in']"))
  if (length(lines) == 0) return()
  # A line that is indented goes on with the one before.
  begin <- max(1, which(!grepl("^\\s", lines)))
  code <- paste(trimws(lines[begin:length(lines)]), collapse = " ")
  xml2::xml_set_attr(image, "alt", paste("What this draws:", code))
}

# What the search finds: each page, and each section of an article.
entries_of <- function(page) {
  html <- xml2::read_html(file.path("docs", page))
  main <- xml2::xml_find_first(html, "//main | //div[contains(@class, 'contents')]")
  title <- text_of(xml2::xml_find_first(html, "//h1"))
  # A page that leads to another has nothing.
  if (is.na(main) || !nzchar(title)) return(NULL)
  sections <- if (startsWith(page, "articles/")) {
    xml2::xml_find_all(main, ".//div[contains(@class, 'level2')]")
  }
  c(
    list(list(title = title, heading = "", path = page, text = text_of(main))),
    lapply(sections, function(section) {
      list(title = title, heading = text_of(xml2::xml_find_first(section, ".//h2")),
        path = paste0(page, "#", xml2::xml_attr(section, "id")), text = text_of(section))
    })
  )
}

text_of <- function(node) {
  text <- gsub("\\s+", " ", xml2::xml_text(node))
  if (is.na(text)) "" else substr(trimws(text), 1, 4000)
}

write_index <- function(pages) {
  entries <- unname(unlist(lapply(pages, entries_of), recursive = FALSE))
  json <- jsonlite::toJSON(entries, auto_unbox = TRUE)
  writeLines(paste0("window.siteIndex = ", json, ";"), file.path("docs", "site-index.js"),
    useBytes = TRUE)
}

# Pictures of a page that are not there, or that have no text.
problems_of <- function(page) {
  html <- xml2::read_html(file.path("docs", page))
  images <- xml2::xml_find_all(html, "//img")
  sources <- xml2::xml_attr(images, "src")
  texts <- xml2::xml_attr(images, "alt")
  mute <- is.na(texts) | !nzchar(texts) | grepl("plot of chunk|unnamed-chunk", texts)
  lost <- !startsWith(sources, "data:") &
    !file.exists(file.path("docs", dirname(page), utils::URLdecode(sources)))
  shown <- ifelse(startsWith(sources, "data:"), "a picture within the page", sources)
  c(sprintf("%s: %s has no text", page, shown[mute]),
    sprintf("%s: %s is not there", page, shown[lost]))
}

finish_site <- function() {
  unlink(file.path("docs", c("pkgdown.js", "docsearch.js", "search.json")))
  pages <- list.files("docs", "[.]html$", recursive = TRUE)
  for (page in pages) clean_page(page)
  write_index(setdiff(pages, "404.html"))
  file.copy(Sys.glob("tools/site/*"), "docs", overwrite = TRUE)
  problems <- unlist(lapply(pages, problems_of))
  if (length(problems) > 0) stop(paste(c("Pictures:", problems), collapse = "\n"))
}

options(pkgdown.internet = FALSE)
unlink("docs", recursive = TRUE)
pkgdown::build_site(preview = FALSE, install = FALSE, new_process = FALSE)
finish_site()
