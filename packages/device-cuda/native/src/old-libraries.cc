// The binary must load beside libstdc++ of GCC 8 (GLIBCXX_3.4.25). Containers of newer compilers call this function, which came later; here it has the
// meaning that it has there without exceptions.
#include <cstdlib>

namespace std {
[[noreturn]] void __throw_bad_array_new_length() { abort(); }
}  // namespace std
