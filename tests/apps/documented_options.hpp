// The options of a subcommand as its help shows them: what is documented is what is tested.
#pragma once

#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace papillon::test {

struct DocumentedRange {
  std::string low, high;
  bool without_low, without_high;
};

struct DocumentedOption {
  std::string name, type;  // "--members"; UINT, INT, FLOAT, TEXT, or empty for a flag
  std::optional<DocumentedRange> range;
  std::vector<std::string> choices;

  bool is_number() const { return type == "UINT" || type == "INT" || type == "FLOAT"; }
  // PAPILLON_BATCH_SIZE
  std::string variable() const {
    std::string text = "PAPILLON_";
    for (const char c : name.substr(2))
      text += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
  }
};

inline std::vector<DocumentedOption> documented_options(const std::string& help) {
  // "  --eta FLOAT:[0, 1]=0", "  --head TEXT:{noise,state}=noise", "  --resume"
  static const std::regex line_form(
      R"(^  (--[a-z0-9-]+)(?: (UINT|INT|FLOAT|TEXT))?(?::([\[(])([^,]+), ([^\])]+)([\])])|:\{([^}]*)\})?.*)");
  std::vector<DocumentedOption> options;
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, line_form)) continue;
    DocumentedOption option{match[1], match[2], {}, {}};
    if (match[3].matched)
      option.range = DocumentedRange{match[4], match[5], match[3] == "(", match[6] == ")"};
    std::istringstream choices(match[7]);
    for (std::string choice; std::getline(choices, choice, ',');) option.choices.push_back(choice);
    options.push_back(std::move(option));
  }
  return options;
}

}  // namespace papillon::test
