// A library of NVIDIA's beside the driver, opened at run time where it is found: one that the process has loaded already, else the first of a list that loads and
// will do. Owns the search and what is told of it; its calls are `cublaslt.h` and `cudnn.h`.
#pragma once
#include <uv.h>

#include <string>
#include <vector>

struct LibraryState {
  // Why there is none; empty where there is one.
  std::string reason;
  std::string file;
  // As the library counts: 120804 is cuBLAS 12.8.4.
  size_t version = 0;
};

class OpenedLibrary {
 public:
  // `stem`: how names of its files begin; `variable`: what names a file instead; `problemOf`: takes the calls out of a library that was loaded, and tells why it
  // will not do, or its version.
  OpenedLibrary(const char* stem, const char* variable, std::string (*problemOf)(uv_lib_t* library, size_t* version))
      : stem_(stem), variable_(variable), problemOf_(problemOf) {
    uv_mutex_init(&mutex_);
  }
  // Opens the library of this process where that has not been done. Any thread may call it. `named` tells that the one file was asked for by name, and nothing else
  // will do.
  LibraryState open(const std::vector<std::string>& files, bool named);

 private:
  bool search(const std::vector<std::string>& files, bool named);
  bool tryFile(const std::string& file, std::string* tried);
  std::string loadedAlready() const;

  const char* stem_;
  const char* variable_;
  std::string (*problemOf_)(uv_lib_t* library, size_t* version);
  uv_mutex_t mutex_;
  uv_lib_t library_;
  LibraryState found_;
  bool isOpen_ = false;
};

// Why a library of CUDA's version `cuda` (12040 is 12.4) will not do beside the driver; empty where it does.
std::string tooNewForDriver(int cuda);
