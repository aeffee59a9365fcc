// Cuts PTX text into tokens; see lex.h.
#include "lex.h"

#include <cctype>
#include <cstdlib>
#include <cstring>

namespace standin {
namespace {

bool startsWord(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%' || c == '.'; }
bool continuesWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '.'; }

class Lexer {
 public:
  explicit Lexer(const std::string& text) : text_(text) {}

  std::vector<Token> all() {
    std::vector<Token> found;
    for (skip(); at_ < text_.size(); skip()) found.push_back(next());
    found.push_back(Token{Token::Kind::end, "", 0, false, 0, line_});
    return found;
  }

 private:
  void skip() {
    while (at_ < text_.size()) {
      if (text_[at_] == '\n') line_++;
      if (std::isspace(static_cast<unsigned char>(text_[at_])) || text_[at_] == '\0') {
        at_++;
      } else if (text_.compare(at_, 2, "//") == 0) {
        while (at_ < text_.size() && text_[at_] != '\n') at_++;
      } else if (text_.compare(at_, 2, "/*") == 0) {
        const size_t end = text_.find("*/", at_ + 2);
        if (end == std::string::npos) throw PtxError(line_, "a comment that does not end");
        for (; at_ < end + 2; at_++) line_ += text_[at_] == '\n';
      } else {
        return;
      }
    }
  }

  Token next() {
    const char c = text_[at_];
    const bool decimal = c == '.' && at_ + 1 < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_ + 1]));
    if (std::isdigit(static_cast<unsigned char>(c)) || decimal) return number();
    if (startsWord(c)) return word();
    if (c == '"') return quoted();
    if (std::strchr(";,{}[]()<>=+-!@|:~*/&^?", c) == nullptr) {
      throw PtxError(line_, std::string("unexpected character '") + c + "'");
    }
    at_++;
    return Token{Token::Kind::mark, std::string(1, c), 0, false, 0, line_};
  }

  Token word() {
    const size_t from = at_++;
    // Directives may follow each other with nothing between: `.reg.b32`.
    const bool directive = text_[from] == '.';
    while (at_ < text_.size()) {
      if (directive && text_[at_] == '.') break;
      if (continuesWord(text_[at_])) {
        at_++;
      } else if (text_.compare(at_, 2, "::") == 0) {
        at_ += 2;
      } else {
        break;
      }
    }
    return Token{Token::Kind::word, text_.substr(from, at_ - from), 0, false, 0, line_};
  }

  Token quoted() {
    const size_t end = text_.find('"', at_ + 1);
    if (end == std::string::npos) throw PtxError(line_, "a quoted text that does not end");
    Token found{Token::Kind::text, text_.substr(at_ + 1, end - at_ - 1), 0, false, 0, line_};
    at_ = end + 1;
    return found;
  }

  Token number() {
    Token found{Token::Kind::number, "", 0, false, 0, line_};
    const char* from = text_.c_str() + at_;
    char* end = nullptr;
    const char form = from[0] == '0' ? static_cast<char>(std::tolower(from[1])) : '\0';
    if (form == 'f' || form == 'd') {
      found.real = true;
      found.realBytes = form == 'f' ? 4 : 8;
      found.number = std::strtoull(from + 2, &end, 16);
      if (end - from - 2 != found.realBytes * 2) throw PtxError(line_, "a floating-point literal of a wrong length");
    } else if (form == 'b') {
      found.number = std::strtoull(from + 2, &end, 2);
    } else {
      found.number = std::strtoull(from, &end, 0);
      if (*end == '.' || ((*end == 'e' || *end == 'E') && form != 'x')) {
        const double value = std::strtod(from, &end);
        std::memcpy(&found.number, &value, 8);
        found.real = true;
        found.realBytes = 8;
      } else if (*end == 'U') {
        end++;
      }
    }
    if (continuesWord(*end)) throw PtxError(line_, "a number that ends in '" + std::string(1, *end) + "'");
    at_ += static_cast<size_t>(end - from);
    return found;
  }

  const std::string& text_;
  size_t at_ = 0;
  u32 line_ = 1;
};

}  // namespace

std::vector<Token> tokens(const std::string& text) { return Lexer(text).all(); }

}  // namespace standin
