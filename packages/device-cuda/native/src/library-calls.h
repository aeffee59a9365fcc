// What JavaScript sees of the libraries beside the driver.
#pragma once
#include <napi.h>

// library(files, named): { reason, file, version }; `reason` is null where there is a library.
Napi::Value libraryState(const Napi::CallbackInfo& info);

// startLibrary(device, workspace, bytes): gives the library of this device memory to work in
Napi::Value startLibrary(const Napi::CallbackInfo& info);

// planProduct(device, numbers): the number of a plan, or -1 where the library does not do it
Napi::Value planProduct(const Napi::CallbackInfo& info);

// productCounts(device): { asked, reused, refused }
Napi::Value productCounts(const Napi::CallbackInfo& info);
