// Directives and declarations of a PTX module; see parse.h.
#include <algorithm>
#include <cstring>

#include "parse.h"

namespace standin {

u32 frameBytesOf(Type type) {
  if (type == Type::pred) return 64;
  return 32 * std::max<u32>(bytesOf(type), 2);
}

bool Parser::accept(char mark) {
  if (!isMark(mark)) return false;
  take();
  return true;
}

bool Parser::acceptWord(const char* word) {
  if (!isWord(word)) return false;
  take();
  return true;
}

void Parser::expect(char mark) {
  if (!accept(mark)) fail(std::string("expected '") + mark + "', got '" + peek().text + "'");
}

std::string Parser::word(const char* what) {
  if (peek().kind != Token::Kind::word) fail(std::string("expected ") + what + ", got '" + peek().text + "'");
  return take().text;
}

u64 Parser::number(const char* what) {
  if (peek().kind != Token::Kind::number || peek().real) fail(std::string("expected ") + what);
  return take().number;
}

void Parser::skipTo(char mark) {
  while (!isMark(mark)) {
    if (peek().kind == Token::Kind::end) fail(std::string("expected '") + mark + "' before the end");
    take();
  }
  take();
}

void Parser::module() {
  if (!acceptWord(".version")) fail("a module starts with .version");
  double version = 0;
  std::memcpy(&version, &take().number, sizeof version);
  syntax_.version = static_cast<u32>(version * 10 + 0.5);
  if (!acceptWord(".target")) fail(".target follows .version");
  syntax_.target = word("a target");
  while (accept(',')) word("a target's option");
  if (acceptWord(".address_size") && number("32 or 64") != 64) fail("addresses have 64 bits");

  bool external = false;
  while (peek().kind != Token::Kind::end) {
    if (acceptWord(".visible") || acceptWord(".weak") || acceptWord(".common")) continue;
    if (acceptWord(".extern")) {
      external = true;
      continue;
    }
    if (acceptWord(".entry")) {
      function(true);
    } else if (acceptWord(".func")) {
      function(false);
    } else if (isWord(".global") || isWord(".const") || isWord(".shared")) {
      const std::string space = take().text;
      do {
        Variable found = variable(space == ".global" ? Space::global : space == ".const" ? Space::constant : Space::shared);
        found.external = external;
        const auto known = syntax_.variables.find(found.name);
        if (known != syntax_.variables.end() && !known->second.external) fail(found.name + " is declared twice");
        syntax_.variables[found.name] = std::move(found);
      } while (accept(','));
      expect(';');
    } else if (acceptWord(".file")) {
      number("a file's number");
      take();
      while (accept(',')) number("a number");
    } else if (acceptWord(".section")) {
      skipTo('}');
    } else if (acceptWord(".pragma")) {
      skipTo(';');
    } else {
      fail("unknown directive '" + peek().text + "'");
    }
    external = false;
  }
  for (const auto& [name, function] : syntax_.functions) {
    if (!function->defined && function->entry) throw PtxError(function->line, "entry " + name + " has no body");
  }
}

void Parser::function(bool entry) {
  auto made = std::make_unique<Function>();
  made->entry = entry;
  made->line = peek().line;
  made->scopes.emplace_back();
  if (!entry && accept('(')) parameters(*made, made->results);
  made->name = word("a function's name");
  if (accept('(')) parameters(*made, made->parameters);
  limits(*made);
  auto& known = syntax_.functions[made->name];
  if (accept(';')) {
    if (!known) known = std::move(made);
    return;
  }
  if (known && known->defined) fail(made->name + " is defined twice");
  expect('{');
  made->defined = true;
  body(*made);
  known = std::move(made);
}

void Parser::limits(Function& function) {
  for (;;) {
    if (isWord(".maxntid") || isWord(".reqntid")) {
      const bool required = take().text == ".reqntid";
      u32 sizes[3] = {1, 1, 1};
      u32 count = 0;
      do sizes[count++] = static_cast<u32>(number("a number of threads"));
      while (count < 3 && accept(','));
      function.maxThreads = sizes[0] * sizes[1] * sizes[2];
      if (required) std::memcpy(function.requiredThreads, sizes, sizeof sizes);
    } else if (acceptWord(".minnctapersm") || acceptWord(".maxnreg") || acceptWord(".maxclusterrank")) {
      number("a number");
    } else if (acceptWord(".pragma")) {
      skipTo(';');
    } else if (!acceptWord(".noreturn")) {
      return;
    }
  }
}

void Parser::parameters(Function& function, std::vector<std::string>& names) {
  while (!accept(')')) {
    if (acceptWord(".reg")) fail("parameters are in .param, not in .reg");
    if (!acceptWord(".param")) fail("expected .param");
    Variable found = variable(Space::param);
    names.push_back(found.name);
    place(function, found, 0);
    accept(',');
  }
}

/** What follows a space: `.align 16 .b8 name[24] = {…}`. */
Variable Parser::variable(Space space) {
  Variable found;
  found.space = space;
  u64 vector = 1;
  bool typed = false;
  for (; peek().kind == Token::Kind::word && peek().text[0] == '.'; take()) {
    const std::string& directive = peek().text;
    if (directive == ".align") {
      take();
      found.align = static_cast<u32>(peek().number);
    } else if (directive == ".v2" || directive == ".v4") {
      vector = directive == ".v2" ? 2 : 4;
    } else if (directive == ".ptr" || directive == ".global" || directive == ".const" || directive == ".shared" || directive == ".local") {
      continue;  // what a parameter points to: a promise that the checks of memory do not need
    } else if (const auto type = typeNamed(directive.substr(1)); type && *type != Type::pred) {
      found.type = *type;
      typed = true;
    } else {
      fail("unknown directive '" + directive + "' in a declaration");
    }
  }
  if (!typed) fail("a declaration without a type");
  found.name = word("a variable's name");
  u64 count = vector;
  while (accept('[')) {
    found.array = true;
    count *= isMark(']') ? 0 : number("a length");
    expect(']');
  }
  found.array = found.array || vector > 1;
  found.bytes = count * bytesOf(found.type);
  found.align = std::max<u32>(found.align, bytesOf(found.type) * static_cast<u32>(vector));
  if (accept('=')) initialiser(found);
  return found;
}

void Parser::initialiser(Variable& variable) {
  const u32 each = bytesOf(variable.type);
  const bool list = accept('{');
  if (list && isMark('{')) fail("nested initialisers are not known");
  do {
    const u32 place = static_cast<u32>(variable.initial.size());
    variable.initial.resize(place + each);
    if (peek().kind == Token::Kind::word) {
      const bool generic = acceptWord("generic");
      if (generic) expect('(');
      if (each != 8) fail("an address takes 8 bytes");
      variable.addresses.emplace_back(place, word("a variable's name"));
      if (generic) expect(')');
      continue;
    }
    Operand value = literal(accept('-'));
    if (value.real && each == 4 && value.realBytes == 8) {
      double wide;
      std::memcpy(&wide, &value.number, 8);
      const float narrow = static_cast<float>(wide);
      std::memcpy(&value.number, &narrow, 4);
    }
    std::memcpy(variable.initial.data() + place, &value.number, each);
  } while (list && accept(','));
  if (list) expect('}');
  if (variable.bytes == 0) variable.bytes = variable.initial.size();
  if (variable.initial.size() > variable.bytes) fail("more initial values than " + variable.name + " holds");
}

/** Gives a variable of a function its place: scalar parameters of functions live in the frame, like registers. */
void Parser::place(Function& function, Variable& variable, u32 scope) {
  const auto put = [&](u32& used) {
    used = (used + variable.align - 1) / variable.align * variable.align;
    variable.offset = used;
    used += static_cast<u32>(variable.bytes);
  };
  if (variable.space == Space::shared) put(function.sharedBytes);
  if (variable.space == Space::local) put(function.localBytes);
  if (variable.space == Space::param) {
    if (function.entry && scope == 0 && !function.defined) {
      put(function.paramBytes);
    } else if (variable.array) {
      variable.stacked = true;
      put(function.localBytes);
    } else {
      variable.framed = true;
      variable.offset = function.frameBytes;
      function.frameBytes += frameBytesOf(variable.type);
    }
  }
  auto& variables = function.scopes[scope].variables;
  if (variables.count(variable.name) != 0) fail(variable.name + " is declared twice");
  variables[variable.name] = std::move(variable);
}

std::unique_ptr<Syntax> parse(const std::string& text) {
  auto made = std::make_unique<Syntax>();
  made->text = text;
  Parser(text, *made).module();
  return made;
}

std::string lineOf(const std::string& text, u32 line) {
  size_t from = 0;
  for (u32 at = 1; at < line && from != std::string::npos; at++) {
    from = text.find('\n', from);
    if (from != std::string::npos) from++;
  }
  if (from == std::string::npos) return "";
  std::string found = text.substr(from, text.find('\n', from) - from);
  const size_t start = found.find_first_not_of(" \t\r");
  const size_t end = found.find_last_not_of(" \t\r");
  return start == std::string::npos ? "" : found.substr(start, end - start + 1);
}

}  // namespace standin
