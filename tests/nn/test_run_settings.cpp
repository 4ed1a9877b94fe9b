// Settings in checkpoints: what comes back is what was written, and what differs is named.
#include "papillon/nn/run_settings.hpp"

#include <algorithm>

#include "catch.hpp"

using namespace papillon;

TEST_CASE("run settings: the text holds every setting", "[settings]") {
  const RunSettings settings = {
      {"seed", "7"}, {"empty", ""}, {"name", "a=b, c"}, {"two lines", "1\n2"}};
  const RunSettings back = parse_run_settings(to_text(settings));
  REQUIRE(back.size() == settings.size());
  CHECK(back[2] == settings[2]);
  CHECK(back[3].second == "1 2");
  CHECK(differences(settings, settings).empty());
  CHECK_NOTHROW(require_same("f", to_text(settings), settings));
}

TEST_CASE("run settings: a mismatch names the first setting, both values, and all others",
          "[settings]") {
  const RunSettings stored = {{"seed", "7"}, {"rate", "0.0003"}, {"old", "1"}, {"data", "abc"}},
                    given = {{"seed", "7"}, {"rate", "0.001"}, {"data", "def"}, {"fresh", "2"}};
  try {
    require_same("run.safetensors", to_text(stored), given);
    FAIL("they differ");
  } catch (const SettingsMismatch& error) {
    CHECK(error.file == "run.safetensors");
    REQUIRE(error.differing.size() == 4);
    CHECK(error.differing[0].name == "rate");
    CHECK(error.differing[0].stored == "0.0003");
    CHECK(error.differing[0].given == "0.001");
    const std::string text = error.what();
    for (const char* word :
         {"run.safetensors", "rate 0.0003 there, 0.001 here", "3 more", "data", "fresh", "old"})
      CHECK_THAT(text, contains_text(word));
  }
  // However long and many the values are, what is wrong can be read.
  RunSettings many, others;
  for (int i = 0; i < 100; ++i) {
    many.emplace_back("setting" + std::to_string(i), std::string(5000, 'x'));
    others.emplace_back("setting" + std::to_string(i), std::string(5000, 'y'));
  }
  const std::string text = describe(differences(many, others));
  CHECK(text.size() < 300);
  CHECK(std::count(text.begin(), text.end(), '\n') == 0);
  CHECK_THROWS_AS(require_same("f", "seed 7 network 3x256", given), InputError);
  CHECK_THROWS_AS(require_same("f", "", given), InputError);
}
