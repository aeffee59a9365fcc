// The types of PTX and what can be told from a type alone. Nothing here knows registers or instructions; see syntax.h next.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace standin {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using i8 = int8_t;
using i16 = int16_t;
using i32 = int32_t;
using i64 = int64_t;

enum class Type : u8 {
  pred, b8, u8, s8, b16, u16, s16, f16, bf16, b32, u32, s32, f32, tf32, f16x2, bf16x2, b64, u64, s64, f64
};

enum class Class : u8 { pred, bits, integer, real };

struct TypeInfo {
  std::string_view name;
  u32 bytes;
  Class kind;
  bool isSigned;
};

inline constexpr TypeInfo typeTable[] = {
    {"pred", 4, Class::pred, false},    {"b8", 1, Class::bits, false},    {"u8", 1, Class::integer, false},
    {"s8", 1, Class::integer, true},    {"b16", 2, Class::bits, false},   {"u16", 2, Class::integer, false},
    {"s16", 2, Class::integer, true},   {"f16", 2, Class::real, true},    {"bf16", 2, Class::real, true},
    {"b32", 4, Class::bits, false},     {"u32", 4, Class::integer, false},{"s32", 4, Class::integer, true},
    {"f32", 4, Class::real, true},      {"tf32", 4, Class::bits, true},   {"f16x2", 4, Class::bits, true},
    {"bf16x2", 4, Class::bits, true},   {"b64", 8, Class::bits, false},   {"u64", 8, Class::integer, false},
    {"s64", 8, Class::integer, true},   {"f64", 8, Class::real, true},
};

inline constexpr const TypeInfo& info(Type type) { return typeTable[static_cast<u8>(type)]; }
inline constexpr u32 bytesOf(Type type) { return info(type).bytes; }
inline constexpr bool isReal(Type type) { return info(type).kind == Class::real; }
inline constexpr bool isSigned(Type type) { return info(type).isSigned; }

inline std::optional<Type> typeNamed(std::string_view name) {
  for (u8 at = 0; at < sizeof typeTable / sizeof *typeTable; at++) {
    if (typeTable[at].name == name) return static_cast<Type>(at);
  }
  return std::nullopt;
}

}  // namespace standin
