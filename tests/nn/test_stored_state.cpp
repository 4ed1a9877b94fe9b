// What files say is looked at before it is believed.
#include <cmath>

#include "catch.hpp"
#include "corruptions.hpp"
#include "papillon/nn/internal/stored_state.hpp"

using namespace papillon;

TEST_CASE("stored state: integers are digits in their range, and nothing else", "[stored_state]") {
  SafetensorsFile file;
  file.source = "here";
  const auto read = [&](const std::string& text) {
    file.metadata["n"] = text;
    return metadata_integer(file, "n", 2, 1000);
  };
  CHECK(read("2") == 2);
  CHECK(read("1000") == 1000);
  CHECK(read("007") == 7);
  for (const std::string& text : testing::no_integers) CHECK_THROWS_AS(read(text), InputError);
  CHECK_THROWS_AS(read("1"), InputError);
  CHECK_THROWS_WITH(read("1001"),
                    "here: metadata 'n' is '1001'; must be an integer from 2 to 1000");
  file.metadata.erase("n");
  CHECK_THROWS_WITH(metadata_integer(file, "n", 0, 1), contains_text("'n' is missing"));
}

TEST_CASE("stored state: numbers are a JSON array of finite ones", "[stored_state]") {
  SafetensorsFile file;
  const auto read = [&](const std::string& text) {
    file.metadata["x"] = text;
    return metadata_numbers(file, "x", "one a component");
  };
  CHECK(read("[1, -2.5e3, 0]") == std::vector<double>{1, -2500, 0});
  for (const std::string& text : testing::no_numbers) {
    CAPTURE(text);
    CHECK_THROWS_AS(read(text), InputError);
  }
}

TEST_CASE("stored state: values are finite, and not too small", "[stored_state]") {
  const auto x = Tensor<float>::vector({0, 1, -1});
  CHECK_NOTHROW(check_values("x", x));
  CHECK_THROWS_WITH(check_values("x", x, 0), contains_text("'x' has -1 at 2"));
  for (const float bad : {std::nanf(""), HUGE_VALF, -HUGE_VALF})
    CHECK_THROWS_AS(check_values("x", Tensor<float>::vector({0, bad}), -1), InputError);
}
