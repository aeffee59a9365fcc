// Tokens of PTX text. Words keep their dots (`ld.global.v4.f32`, `%tid.x`), since PTX gives those meaning only later.
#pragma once
#include <string>
#include <vector>

#include "syntax.h"

namespace standin {

struct Token {
  enum class Kind : u8 { word, number, text, mark, end } kind = Kind::end;
  std::string text;     // of a word or text; of a mark its one character
  u64 number = 0;
  bool real = false;
  u8 realBytes = 0;
  u32 line = 0;
};

std::vector<Token> tokens(const std::string& text);

}  // namespace standin
