// What JavaScript sees of the lifetimes that a device watches.
#pragma once
#include <napi.h>

// watch(device, object): number
Napi::Value watchObject(const Napi::CallbackInfo& info);

// watched(device, number): the object, or undefined once it was collected
Napi::Value watchedObject(const Napi::CallbackInfo& info);

// ended(device): numbers of objects that were collected, or undefined where there are none
Napi::Value endedObjects(const Napi::CallbackInfo& info);
