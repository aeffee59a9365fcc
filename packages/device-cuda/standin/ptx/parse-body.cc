// What stands between a function's braces: declarations, labels, statements and their operands; see parse.h.
#include <algorithm>

#include "parse.h"

namespace standin {

void Parser::body(Function& function) {
  std::vector<u32> open{0};
  // Names of the body may hide parameters, so it has a scope of its own.
  const auto enter = [&] {
    function.scopes.emplace_back();
    function.scopes.back().parent = static_cast<i32>(open.back());
    open.push_back(static_cast<u32>(function.scopes.size() - 1));
  };
  for (enter(); open.size() > 1;) {
    const u32 scope = open.back();
    if (peek().kind == Token::Kind::end) fail("the body of " + function.name + " does not end");
    if (accept('{')) {
      enter();
    } else if (accept('}')) {
      open.pop_back();
    } else if (peek().kind == Token::Kind::word && isMark(':', 1)) {
      const std::string label = take().text;
      take();
      if (acceptWord(".branchtargets")) {
        auto& targets = function.scopes[scope].tables[label];
        do targets.push_back(word("a label"));
        while (accept(','));
        expect(';');
      } else if (isWord(".callprototype") || isWord(".calltargets")) {
        fail(peek().text + ": calls through addresses are not known");
      } else if (!function.scopes[scope].labels.emplace(label, function.statements.size()).second) {
        fail("label " + label + " stands twice");
      }
    } else if (peek().kind == Token::Kind::word && peek().text[0] == '.') {
      declaration(function, scope);
    } else if (!accept(';')) {
      statement(function, scope);
    }
  }
}

void Parser::declaration(Function& function, u32 scope) {
  const std::string directive = take().text;
  if (directive == ".reg") return registers(function, scope);
  if (directive == ".loc") {
    number("a file");
    number("a line");
    number("a column");
    if (accept(',')) fail("inlining information is not known");
    return;
  }
  if (directive == ".pragma") return skipTo(';');
  const Space space = directive == ".shared"  ? Space::shared
                      : directive == ".local" ? Space::local
                      : directive == ".param" ? Space::param
                                              : Space::generic;
  if (space == Space::generic) fail("unknown directive '" + directive + "' in a function");
  do {
    Variable found = variable(space);
    if (!found.initial.empty()) fail(found.name + " cannot have initial values");
    place(function, found, scope);
  } while (accept(','));
  expect(';');
}

void Parser::registers(Function& function, u32 scope) {
  const std::string directive = word("a type");
  const auto type = typeNamed(directive.substr(1));
  if (!type) fail("registers cannot be " + directive);
  const auto add = [&](const std::string& name) {
    if (!function.scopes[scope].registers.emplace(name, Register{*type, function.frameBytes}).second) {
      fail("register " + name + " is declared twice");
    }
    function.frameBytes += frameBytesOf(*type);
  };
  do {
    const std::string name = word("a register's name");
    if (accept('<')) {
      const u64 count = number("a number of registers");
      for (u64 at = 0; at < count; at++) add(name + std::to_string(at));
      expect('>');
    } else {
      add(name);
    }
  } while (accept(','));
  expect(';');
}

void Parser::statement(Function& function, u32 scope) {
  Statement made;
  made.line = peek().line;
  made.scope = scope;
  if (accept('@')) {
    made.guardNegated = accept('!');
    made.guard = word("a predicate");
  }
  const std::string whole = word("an instruction");
  size_t from = 0;
  for (size_t dot = whole.find('.'); from != std::string::npos; dot = whole.find('.', from)) {
    const std::string part = whole.substr(from, dot == std::string::npos ? dot : dot - from);
    if (from == 0) made.opcode = part;
    else made.modifiers.push_back(part);
    from = dot == std::string::npos ? dot : dot + 1;
  }
  if (!isMark(';')) {
    do made.operands.push_back(operand());
    while (accept(','));
  }
  expect(';');
  function.statements.push_back(std::move(made));
}

Operand Parser::operand() {
  Operand made;
  if (isMark('{') || isMark('(')) {
    const char close = take().text == "{" ? '}' : ')';
    made.kind = Operand::Kind::list;
    while (!accept(close)) {
      made.list.push_back(operand());
      if (!accept(',') && !isMark(close)) fail("expected ',' between operands");
    }
    return made;
  }
  if (accept('[')) {
    made.kind = Operand::Kind::address;
    if (peek().kind == Token::Kind::word) made.name = take().text;
    else made.number = literal(accept('-')).number;
    while (isMark('+') || isMark('-')) {
      const bool negative = take().text == "-";
      made.number += literal(accept('-') != negative).number;
    }
    expect(']');
    return made;
  }
  if (accept('!')) {
    made.negated = true;
    made.name = word("a predicate");
    return made;
  }
  if (isMark('-') || peek().kind == Token::Kind::number) return literal(accept('-'));
  made.name = word("an operand");
  if (made.name == "_") made.kind = Operand::Kind::discard;
  if (!accept('|')) return made;
  Operand pair;
  pair.kind = Operand::Kind::list;
  pair.list = {std::move(made), operand()};
  return pair;
}

Operand Parser::literal(bool negative) {
  if (peek().kind != Token::Kind::number) fail("expected a number, got '" + peek().text + "'");
  const Token& token = take();
  Operand made;
  made.kind = Operand::Kind::number;
  made.number = token.number;
  made.real = token.real;
  made.realBytes = token.realBytes;
  if (negative && token.real) made.number ^= 1ull << (token.realBytes * 8 - 1);
  else if (negative) made.number = 0 - made.number;
  return made;
}

}  // namespace standin
