// What the driver and the cards say of themselves, before a device is opened.
#pragma once
#include <napi.h>

// driver(library): { reason, file, version, count }; `reason` is null where there is a driver with a card. The library is the
// one to open instead of the one that is found, or empty.
Napi::Value driverState(const Napi::CallbackInfo& info);

// cards(): the properties of each card.
Napi::Value cards(const Napi::CallbackInfo& info);
