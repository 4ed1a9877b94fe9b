// Options list their members once: what a program may give them, and what it reads back.
#include "catch.hpp"
#include "papillon/tensor/registry.hpp"

using namespace papillon;

namespace {

enum class Shade { light, dark };
constexpr auto enum_names(Shade) {
  return std::array{"light", "dark"};
}

struct Inner {
  double radius = 4;
  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("radius", self.radius, {"of the taper", above(0, 10)});
  }
};

struct Everything {
  bool flag = false;
  int signed_whole = -1;
  std::uint64_t whole = 3;
  float number = 0.5f;
  std::string text = "abc", choice = "a";
  Shade shade = Shade::dark;
  std::optional<double> optional;
  std::vector<int> list{1, 2};
  Inner inner;
  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("flag", self.flag, {"a flag"});
    visit("signed", self.signed_whole, {"may be negative", closed(-5, 5)});
    visit("whole", self.whole, {"counts", closed(0, 18446744073709551615.0L), Role::paired});
    visit("number", self.number, {"has a fraction", below(0, 1)});
    visit("text", self.text, {"free", {}, Role::input | Role::test_only});
    visit("choice", self.choice, {"one of two", {}, {}, {"a", "b"}});
    visit("shade", self.shade, {"has names"});
    visit("optional", self.optional, {"empty: depends", closed(0, 1)});
    visit("list", self.list, {"many", closed(0, 9)});
    visit(self.inner);
  }
};

struct Wide {
  double radius = 3;
  bool rotate = false;
  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("radius", self.radius, {"of all", above(0, 10)});
    visit("rotate", self.rotate, {"at random"});
  }
};

struct Nested {
  Choice<double(int)> source;
  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(self.source);
  }
};

using Texts = std::vector<std::string>;

const Option& find(const std::vector<Option>& list, const std::string& name) {
  for (const Option& option : list)
    if (option.name == name) return option;
  throw std::runtime_error(name);
}

std::string refusal(const Option& option, const Texts& texts) {
  try {
    option.assign(texts);
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("what an option is given as text is what it says, for every type", "[options]") {
  Everything e;
  std::vector<Option> list;
  append_options(list, e, "All");
  REQUIRE(list.size() == 10);
  for (const auto& [name, texts] :
       std::vector<std::pair<std::string, Texts>>{{"flag", {"true"}},
                                                  {"signed", {"-5"}},
                                                  {"whole", {"18446744073709551615"}},
                                                  {"number", {"0.25"}},
                                                  {"text", {"x y"}},
                                                  {"choice", {"b"}},
                                                  {"shade", {"light"}},
                                                  {"optional", {"1"}},
                                                  {"list", {"9", "0", "4"}},
                                                  {"radius", {"10"}}}) {
    const Option& option = find(list, name);
    option.assign(texts);
    CHECK(option.values() == texts);
    CHECK(option.heading == "All");
  }
  CHECK(e.flag);
  CHECK(e.signed_whole == -5);
  CHECK(e.whole == ~std::uint64_t{0});
  CHECK(e.shade == Shade::light);
  CHECK(e.list == std::vector<int>{9, 0, 4});
  CHECK(e.inner.radius == 10);
  find(list, "whole").assign({"12e6"});
  CHECK(e.whole == 12'000'000);
}

TEST_CASE("an option outside its range or choices is refused, and keeps its value", "[options]") {
  Everything e;
  std::vector<Option> list;
  append_options(list, e);
  for (const auto& [name, text] :
       std::vector<std::pair<std::string, std::string>>{{"flag", "yes"},
                                                        {"signed", "-6"},
                                                        {"signed", "6"},
                                                        {"whole", "-1"},
                                                        {"whole", "1.5"},
                                                        {"whole", "18446744073709551616"},
                                                        {"number", "1"},
                                                        {"number", "nan"},
                                                        {"number", "0.5x"},
                                                        {"choice", "c"},
                                                        {"shade", "grey"},
                                                        {"optional", "1.1"},
                                                        {"list", "10"},
                                                        {"radius", "0"},
                                                        {"radius", "10.1"}}) {
    CAPTURE(name, text);
    const Texts before = find(list, name).values();
    CHECK(!refusal(find(list, name), {text}).empty());
    CHECK(find(list, name).values() == before);
  }
  CHECK(refusal(find(list, "number"), {"1"}) == "'1' is not a number in [0, 1)");
  CHECK(refusal(find(list, "choice"), {"c"}) == "'c' is unknown; must be one of a, b");
  CHECK(refusal(find(list, "number"), {"0.1", "0.2"}) == "2 values; must be one");
}

TEST_CASE("an empty optional has no value, and roles are told apart", "[options]") {
  Everything e;
  std::vector<Option> list;
  append_options(list, e);
  CHECK(find(list, "optional").values().empty());
  CHECK(find(list, "whole").is(Role::paired));
  CHECK(!find(list, "whole").is(Role::input));
  CHECK(find(list, "text").is(Role::input));
  CHECK(find(list, "text").is(Role::test_only));
  CHECK(!find(list, "number").is(Role::paired));
}

TEST_CASE("a choice makes the entry that is chosen, and says which options are for which",
          "[options]") {
  Registry<double(int)> inner;
  inner.add<Inner>("flat", [](const Inner& o, int n) { return o.radius * n; });
  Registry<double(int)> registry;
  registry.add<Inner>("plain", [](const Inner& o, int n) { return o.radius + n; })
      .add<Wide>("wide", [](const Wide& o, int n) { return o.rotate ? -1.0 : o.radius - n; })
      .add(
          "nested", [](const Nested& o, int n) { return o.source.make(n); },
          Nested{Choice(inner, "source", "of members", "flat")});
  CHECK_THROWS_AS(registry.add<Inner>("wide", [](const Inner&, int) { return 0.0; }),
                  ArgumentError);
  CHECK_THROWS_AS(Choice(registry, "kind", "which", "unknown"), ArgumentError);

  Choice kind(registry, "kind", "which", "plain");
  std::vector<Option> list;
  append_options(list, kind);  // NOLINT
  const auto assign = [&](const std::string& name, const std::string& text) {
    for (Option& option : list)
      if (option.name == name) option.assign({text});
  };
  const auto uses = [&](const std::string& name) {
    Texts used;
    for (const Option& option : list)
      if (option.name == name && option.is_used()) used.push_back(option.use);
    return used;
  };
  CHECK(list.front().info.choices == Texts{"plain", "wide", "nested"});
  CHECK(kind.make(2) == 6);
  CHECK(uses("radius") == Texts{"--kind plain"});
  CHECK(uses("rotate").empty());
  assign("radius", "5");  // of all entries
  assign("kind", "wide");
  CHECK(kind.make(2) == 3);
  CHECK(uses("rotate") == Texts{"--kind wide"});
  assign("kind", "nested");
  CHECK(kind.make(2) == 10);
  CHECK(uses("radius") == Texts{"--kind nested --source flat"});
  CHECK(!refusal(list.front(), {"narrow"}).empty());

  const Choice copy = kind;  // has values of its own
  assign("radius", "1");
  CHECK(kind.make(2) == 2);
  CHECK(copy.make(2) == 10);
}
