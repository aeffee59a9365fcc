#include "open-library.h"

#include <link.h>

#include <cstring>

#include "driver.h"

namespace {

constexpr int kVersionsPerMajor = 1000;

struct Search {
  std::string stem;
  std::string path;
};

int lookAt(dl_phdr_info* info, size_t, void* data) {
  auto& search = *static_cast<Search*>(data);
  const char* name = info->dlpi_name == nullptr ? nullptr : strrchr(info->dlpi_name, '/');
  if (name == nullptr || strncmp(name, search.stem.c_str(), search.stem.size()) != 0) return 0;
  search.path = info->dlpi_name;
  return 1;
}

}  // namespace

LibraryState OpenedLibrary::open(const std::vector<std::string>& files, bool named) {
  uv_mutex_lock(&mutex_);
  if (!isOpen_) {
    isOpen_ = search(files, named);
    if (isOpen_) found_.reason.clear();
  }
  const LibraryState state = found_;
  uv_mutex_unlock(&mutex_);
  return state;
}

bool OpenedLibrary::search(const std::vector<std::string>& files, bool named) {
  std::string tried;
  const std::string loaded = named ? std::string() : loadedAlready();
  if (!loaded.empty() && tryFile(loaded, &tried)) return true;
  for (const std::string& file : files)
    if (tryFile(file, &tried)) return true;
  found_.reason = (named ? std::string(variable_) + " names a library that will not do: " : "none was found: ") + tried;
  return false;
}

// A library that something else of the process brought is the one to use: two of them side by side are asking for trouble.
std::string OpenedLibrary::loadedAlready() const {
  Search search{std::string("/") + stem_, {}};
  dl_iterate_phdr(lookAt, &search);
  return search.path;
}

// Adds to `tried` why `file` will not do.
bool OpenedLibrary::tryFile(const std::string& file, std::string* tried) {
  const char* separator = tried->empty() ? "" : "; ";
  if (uv_dlopen(file.c_str(), &library_) != 0) {
    *tried += separator + file + " cannot be loaded (" + uv_dlerror(&library_) + ")";
    uv_dlclose(&library_);
    return false;
  }
  const std::string problem = problemOf_(&library_, &found_.version);
  if (problem.empty()) {
    found_.file = file;
    return true;
  }
  // It is not closed: a library of CUDA does not bear that.
  *tried += separator + file + " " + problem;
  return false;
}

std::string tooNewForDriver(int cuda) {
  const int major = cuda / kVersionsPerMajor;
  if (major * kVersionsPerMajor <= driver().version) return {};
  return "is of CUDA " + std::to_string(major) + ", which the driver (CUDA " +
         std::to_string(driver().version / kVersionsPerMajor) + ") is too old for";
}
