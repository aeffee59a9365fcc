// The reader of PTX text: parse-module.cc reads directives and declarations, parse-body.cc what stands in a function.
// What it makes is in syntax.h.
#pragma once
#include <initializer_list>

#include "lex.h"
#include "syntax.h"

namespace standin {

class Parser {
 public:
  Parser(const std::string& text, Syntax& into) : tokens_(tokens(text)), syntax_(into) {}
  void module();

 private:
  // parse-module.cc
  void function(bool entry);
  void limits(Function& function);
  void parameters(Function& function, std::vector<std::string>& names);
  Variable variable(Space space);
  void initialiser(Variable& variable);
  void place(Function& function, Variable& variable, u32 scope);

  // parse-body.cc
  void body(Function& function);
  void declaration(Function& function, u32 scope);
  void registers(Function& function, u32 scope);
  void statement(Function& function, u32 scope);
  Operand operand();
  Operand literal(bool negative);

  // tokens
  const Token& peek(u32 ahead = 0) const { return tokens_[std::min<size_t>(at_ + ahead, tokens_.size() - 1)]; }
  const Token& take() { return tokens_[at_ < tokens_.size() - 1 ? at_++ : at_]; }
  bool isMark(char mark, u32 ahead = 0) const { return peek(ahead).kind == Token::Kind::mark && peek(ahead).text[0] == mark; }
  bool isWord(const char* word) const { return peek().kind == Token::Kind::word && peek().text == word; }
  bool accept(char mark);
  bool acceptWord(const char* word);
  void expect(char mark);
  std::string word(const char* what);
  u64 number(const char* what);
  void skipTo(char mark);
  [[noreturn]] void fail(const std::string& what) const { throw PtxError(peek().line, what); }

  std::vector<Token> tokens_;
  size_t at_ = 0;
  Syntax& syntax_;
};

}  // namespace standin
