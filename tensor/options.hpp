// Options list their members once, as layers do (nn/module.hpp): command line, configuration file,
// checks, help, JSON and the identity of a run all derive from that list.
//
//   struct LetkfOptions {
//     double radius = 4;
//     bool rotate = false;
//     template <class Self, class Visit>
//     static void options(Self& self, Visit&& visit) {
//       visit("radius", self.radius, {"half the distance at which the taper is zero", above(0,
//       1e300)}); visit("rotate", self.rotate, {"random rotation that preserves the mean"});
//     }
//   };
//
// A member is a bool, a number, a string, an enumeration with names (enum_names.hpp), a
// std::optional or std::vector of these, or a struct that lists options itself. An empty optional
// or vector stands for a default that depends on something else, which the help names.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "papillon/tensor/enum_names.hpp"

namespace papillon {

// The values that a number may have. A long double holds every integer of 64 bits.
struct Range {
  long double low, high;
  bool without_low = false, without_high = false;
};
// [low, high], (low, high], [low, high).
constexpr Range closed(long double low, long double high) {
  return {low, high};
}
constexpr Range above(long double low, long double high) {
  return {low, high, true, false};
}
constexpr Range below(long double low, long double high) {
  return {low, high, false, true};
}
// More than anybody has of anything that is only counted.
inline constexpr std::uint64_t max_count = std::uint64_t{1} << 40;

// What an option is to a run; joined by |.
enum class Role : unsigned {
  setting = 0,
  paired = 1,      // must be equal where two runs are compared in pairs
  input = 2,       // a file that is read: the identity of a run has a digest of its contents
  output = 4,      // a file or directory that is written: no part of the identity
  display = 8,     // how results are shown or saved on the way: no part of the identity
  test_only = 16,  // of the test alone: no part of the identity of a tuning trial
  transient = 32   // of one call of the program: in no configuration that is written
};
// Both roles.
constexpr Role operator|(Role a, Role b) {
  return static_cast<Role>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

// What is declared of an option: one line of help, the range of a number, its role, the choices of
// a text.
struct OptionInfo {
  const char* help;
  // Without limits by default.
  Range range{std::numeric_limits<long double>::lowest(), std::numeric_limits<long double>::max()};
  Role role = Role::setting;
  std::vector<std::string> choices{};  // an enumeration has its names
};

// When an option is used, if that depends on others.
struct Use {
  std::string text;               // what it is for, as help and messages say it: "--model FILE"
  std::function<bool()> applies;  // asked once all options have their values
};

// One option of a struct, which must outlive it.
struct Option {
  enum class Kind { flag, whole, number, text };

  std::string name;                     // "batch-size"
  std::string heading;                  // of help
  OptionInfo info;                      // as declared
  Kind kind;                            // of its values
  bool list = false, has_sign = false;  // many values; a whole number that may be negative
  // Stores what the texts say. Throws ArgumentError: "'0' is not a whole number in [1, 5]".
  std::function<void(const std::vector<std::string>&)> assign;
  // The present values as text; none for an empty optional or vector.
  std::function<std::vector<std::string>()> values;
  // As in Use. Of an option that belongs to one entry of a registry (registry.hpp): which, as
  // "--method enoi --ensemble diffusion", and whether that is the chosen one.
  std::string use;
  std::function<bool()> applies;
  bool selects = false;  // it is such a choice itself

  // Whether it applies, and whether it has a role.
  bool is_used() const { return !applies || applies(); }
  bool is(Role role) const {
    return (static_cast<unsigned>(info.role) & static_cast<unsigned>(role)) != 0;
  }
};

// "[0, 1)"
std::string to_string(const Range& range);

namespace detail {

double number_option(const std::string& text, const Range& range);
// The magnitude, and whether it is negative.
std::pair<std::uint64_t, bool> whole_option(const std::string& text, const Range& range);
bool flag_option(const std::string& text);
std::string choice_option(const std::string& text, const std::vector<std::string>& choices);
std::string number_text(double value);

template <class V>
struct OptionValue {
  static void describe(Option& option) {
    if constexpr (std::is_same_v<V, bool>) {
      option.kind = Option::Kind::flag;
    } else if constexpr (std::is_integral_v<V>) {
      option.kind = Option::Kind::whole;
      option.has_sign = option.info.range.low < 0;
    } else if constexpr (std::is_floating_point_v<V>) {
      option.kind = Option::Kind::number;
    } else {
      option.kind = Option::Kind::text;
      if constexpr (NamedEnum<V>)
        for (const char* name : enum_names(V{})) option.info.choices.emplace_back(name);
    }
  }
  static V parse(const std::string& text, const OptionInfo& info) {
    if constexpr (std::is_same_v<V, bool>) {
      return flag_option(text);
    } else if constexpr (std::is_integral_v<V>) {
      const auto [size, negative] = whole_option(text, info.range);
      return static_cast<V>(negative ? std::uint64_t{0} - size : size);
    } else if constexpr (std::is_floating_point_v<V>) {
      return static_cast<V>(number_option(text, info.range));
    } else {
      const std::string choice = choice_option(text, info.choices);
      if constexpr (NamedEnum<V>)
        return parse_enum<V>(choice, "value");
      else
        return choice;
    }
  }
  static std::string text(const V& value) {
    if constexpr (std::is_same_v<V, bool>)
      return value ? "true" : "false";
    else if constexpr (std::is_integral_v<V>)
      return std::to_string(value);
    else if constexpr (std::is_floating_point_v<V>)
      return number_text(static_cast<double>(value));
    else if constexpr (NamedEnum<V>)
      return to_string(value);
    else
      return value;
  }
  static void assign(V& value, const std::vector<std::string>& texts, const OptionInfo& info) {
    if (texts.size() != 1)
      throw ArgumentError(std::to_string(texts.size()) + " values; must be one");
    value = parse(texts[0], info);
  }
  static std::vector<std::string> texts(const V& value) { return {text(value)}; }
};

template <class V>
struct OptionValue<std::optional<V>> {
  static void describe(Option& option) { OptionValue<V>::describe(option); }
  static void assign(std::optional<V>& value, const std::vector<std::string>& texts,
                     const OptionInfo& info) {
    V parsed{};
    OptionValue<V>::assign(parsed, texts, info);
    value = std::move(parsed);
  }
  static std::vector<std::string> texts(const std::optional<V>& value) {
    return value ? OptionValue<V>::texts(*value) : std::vector<std::string>{};
  }
};

template <class V>
struct OptionValue<std::vector<V>> {
  static void describe(Option& option) {
    OptionValue<V>::describe(option);
    option.list = true;
  }
  static void assign(std::vector<V>& values, const std::vector<std::string>& texts,
                     const OptionInfo& info) {
    std::vector<V> parsed;
    for (const std::string& text : texts) parsed.push_back(OptionValue<V>::parse(text, info));
    values = std::move(parsed);
  }
  static std::vector<std::string> texts(const std::vector<V>& values) {
    std::vector<std::string> texts;
    for (const V& value : values) texts.push_back(OptionValue<V>::text(value));
    return texts;
  }
};

struct AnyOption {
  template <class V>
  void operator()(const char*, V&, const OptionInfo&, const Use& = {}) const {}
  template <class V>
  void operator()(V&) const {}
  template <class List>
  void where(const Use&, const List&) const {}
};

}  // namespace detail

// A struct that lists its options.
template <class O>
concept Options = requires(O& options) {
  O::options(options, detail::AnyOption{});
};

// Anything else that can list options: a Choice of a registry.
template <class M>
concept ListsOptions = requires(M& member, std::vector<Option>& list, const std::string& heading) {
  member.append_to(list, heading);
};

// Appends the options of a struct to a list, under a heading of the help.
template <Options O>
void append_options(std::vector<Option>& list, O& options, const std::string& heading = "Options");
template <ListsOptions M>
void append_options(std::vector<Option>& list, M& member, const std::string& heading = "Options") {
  member.append_to(list, heading);
}

// Options from number `first` on are used only where this holds, besides what they ask for
// themselves.
void restrict_use(std::vector<Option>& list, std::size_t first, const Use& use);

// What a struct's options() is given: visit(name, member, info) lists an option, visit(member)
// those of a member that lists options itself. visit(name, member, info, use) lists one that is
// used in some runs only, visit.where(use, [&](auto&& visit) {...}) several.
struct OptionVisitor {
  std::vector<Option>& list;
  const std::string& heading;

  // Lists one option.
  template <class V>
  void operator()(const char* name, V& value, OptionInfo info, const Use& use = {}) const {
    Option option{name, heading, std::move(info), {}, false, false, {}, {}, {}, {}, false};
    detail::OptionValue<V>::describe(option);
    option.assign = [&value, info = option.info](const std::vector<std::string>& texts) {
      detail::OptionValue<V>::assign(value, texts, info);
    };
    option.values = [&value] { return detail::OptionValue<V>::texts(value); };
    list.push_back(std::move(option));
    if (use.applies) restrict_use(list, list.size() - 1, use);
  }
  // Lists options that are used only there.
  template <class List>
  void where(const Use& use, const List& list_options) const {
    const std::size_t first = list.size();
    list_options(*this);
    restrict_use(list, first, use);
  }
  // Lists the options of a member.
  template <class Member>
  void operator()(Member& member) const {
    append_options(list, member, heading);
  }
};

template <Options O>
void append_options(std::vector<Option>& list, O& options, const std::string& heading) {
  O::options(options, OptionVisitor{list, heading});
}

}  // namespace papillon
