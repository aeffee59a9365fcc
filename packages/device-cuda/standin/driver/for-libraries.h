// What the stand-in's driver gives to stand-ins of NVIDIA's libraries, which are files of their own: its streams, what it knows of memory, and its faults. They
// reach it by linking against it, as NVIDIA's reach theirs.
#pragma once
#include <functional>
#include <string>

#include "../ptx/type.h"

#define FOR_LIBRARIES __attribute__((visibility("default")))

namespace standin::library {

/** Counts a call of a library. @return the status that a test asked for, or 0 */
FOR_LIBRARIES int enter(const char* name);
FOR_LIBRARIES bool hasContext();
/** Puts work into a stream, or into the graph that is captured from it. @return the driver's code */
FOR_LIBRARIES int submit(void* stream, std::function<void()> work);
/** Whether all of this is memory of the card. Work asks when it runs. */
FOR_LIBRARIES bool holds(u64 address, u64 bytes);
/** Fails as a kernel does: the error stays. */
[[noreturn]] FOR_LIBRARIES void fault(const std::string& report);
/** Remembers why a call was refused; `standin_library` tells. @return the status */
FOR_LIBRARIES int refuse(int status, const std::string& why);
/** Counts objects that are alive. */
FOR_LIBRARIES void count(int more);

}  // namespace standin::library
