// Declares the options of a subcommand. Each number has a range, which help shows as [low, high],
// with a round bracket where the end does not belong to it: what lies outside is refused, in one
// place; what lies inside is refused only where another option or an input forbids it.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "papillon/tensor/options.hpp"

namespace papillon::apps {

struct WholeInterval {
  std::int64_t low;
  std::uint64_t high;
};

// Both write the number back as plain decimal digits.
CLI::Validator number_in(Range range);
CLI::Validator whole_number_in(WholeInterval range);

// Options under one heading of the help. A value may be a number or a list of them, which commas
// separate.
class OptionGroup {
 public:
  explicit OptionGroup(CLI::App& app, const char* heading = "Options")
      : app_(app), heading_(heading) {
    app.option_defaults()->always_capture_default();
  }

  CLI::Option* text(const char* option, std::string& value, const char* help) {
    return app_.add_option(option, value, help)->group(heading_);
  }
  CLI::Option* texts(const char* option, std::vector<std::string>& values, const char* help) {
    return app_.add_option(option, values, help)->delimiter(',')->group(heading_);
  }
  CLI::Option* choice(const char* option, std::string& value, std::vector<std::string> from,
                      const char* help) {
    return text(option, value, help)->check(CLI::IsMember(std::move(from)));
  }
  void flag(const char* option, bool& value, const char* help) {
    app_.add_flag(option, value, help)->group(heading_);
  }
  template <class T>
  void whole(const char* option, T& value, WholeInterval range, const char* help) {
    add(option, value, help)->transform(whole_number_in(range));
  }
  template <class T>
  void number(const char* option, T& value, Range range, const char* help) {
    add(option, value, help)->transform(number_in(range));
  }

 private:
  template <class T>
  CLI::Option* add(const char* option, T& value, const char* help) {
    return app_.add_option(option, value, help)->group(heading_);
  }
  template <class T>
  CLI::Option* add(const char* option, std::vector<T>& values, const char* help) {
    return app_.add_option(option, values, help)->delimiter(',')->group(heading_);
  }

  CLI::App& app_;
  const char* heading_;
};

}  // namespace papillon::apps
