// What JavaScript sees of the libraries beside the driver.
#pragma once
#include <napi.h>

// library(name, files, named): { reason, file, version }; `reason` is null where there is a library.
Napi::Value libraryState(const Napi::CallbackInfo& info);

// startLibrary(device, name)
Napi::Value startLibrary(const Napi::CallbackInfo& info);

// giveWorkspace(device, address, bytes): memory for the libraries of a device to work in
Napi::Value giveWorkspace(const Napi::CallbackInfo& info);

// planProduct(device, numbers), planConvolution(device, numbers): the number of a plan, or -1 where the library does not do it
Napi::Value planProduct(const Napi::CallbackInfo& info);
Napi::Value planConvolution(const Napi::CallbackInfo& info);

// libraryCounts(device, name): { asked, reused, refused }
Napi::Value libraryCounts(const Napi::CallbackInfo& info);
