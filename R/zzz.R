# Attaching the package starts no Python, and does not load reticulate either, which
# takes a second: both wait for the first call that needs them. The Python packages are
# declared as soon as reticulate is there, so that it can still choose its environment.
.onLoad <- function(libname, pkgname) {
  if (isNamespaceLoaded("reticulate")) {
    declare_python()
  } else {
    setHook(packageEvent("reticulate", "onLoad"), function(...) declare_python())
  }
}
