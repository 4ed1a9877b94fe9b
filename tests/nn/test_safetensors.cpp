// safetensors: what is written is read; everything that the format forbids is refused.
#include "papillon/nn/safetensors.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>

#include "catch.hpp"
#include "papillon/nn/linear.hpp"
#include "papillon/nn/state_dict.hpp"
#include "temporary_folder.hpp"

using namespace papillon;

namespace {

std::string container(const std::string& header, const std::string& data,
                      std::uint64_t length = ~std::uint64_t{0}) {
  if (length == ~std::uint64_t{0}) length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + data;
}

SafetensorsFile parse(const std::string& file) {
  return parse_safetensors(to_bytes(file), "f");
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

const std::string eight(8, '\0');

}  // namespace

TEST_CASE("safetensors: what is written is read") {
  const TemporaryFolder folder;
  SafetensorsFile file;
  file.metadata = {{"format", "pt"}, {"odd", "\"\n\xC3\xA9"}};
  file.add("b", Tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  file.add("a", Tensor<float>::scalar(7));
  file.add("wide", Tensor<double>({1}, {0.1}));
  file.add("none", Tensor<float>(Shape{0, 4}));
  CHECK_THROWS_AS(file.add("a", Tensor<float>::scalar(1)), ArgumentError);
  CHECK_THROWS_AS(file.add("__metadata__", Tensor<float>::scalar(1)), ArgumentError);
  write_safetensors(folder / "m.safetensors", file);
  const SafetensorsFile read = read_safetensors(folder / "m.safetensors");
  CHECK(read.metadata == file.metadata);
  REQUIRE(read.entries.size() == 4);
  CHECK(read.entries[0].name == "wide");  // by alignment, then by name
  CHECK(identical(read.tensor<float>("b"), file.tensor<float>("b")));
  CHECK(read.tensor<double>("a").item() == 7);
  CHECK(read.tensor<double>("wide")[0] == 0.1);
  CHECK(read.tensor<float>("none").shape() == Shape{0, 4});
  std::uint64_t length = 0;
  std::memcpy(&length, file_contents(folder / "m.safetensors").data(), 8);
  CHECK(length % 8 == 0);
  write_safetensors(folder / "again", read);
  CHECK(file_contents(folder / "again") == file_contents(folder / "m.safetensors"));
  CHECK_THROWS_AS(read.tensor<float>("missing"), InputError);
}

TEST_CASE("safetensors: half precisions are widened exactly, other types kept raw") {
  const std::string halves("\x00\x3c\x00\xc0\x01\x00\xff\x7b\x00\x7c\x00\x7e", 12);
  const Tensor<float> h =
      parse(container("{\"h\":" + entry("F16", "[6]", "[0,12]") + "}", halves)).tensor<float>("h");
  CHECK(h[0] == 1);
  CHECK(h[1] == -2);
  CHECK(h[2] == 0x1p-24f);
  CHECK(h[3] == 65504);
  CHECK(std::isinf(h[4]));
  CHECK(std::isnan(h[5]));
  const SafetensorsFile b = parse(container(
      "{\"b\":" + entry("BF16", "[1]", "[0,2]") + ",\"i\":" + entry("I32", "[]", "[2,6]") + "}  ",
      std::string("\x40\xc0\x01\x00\x00\x00", 6)));
  CHECK(b.tensor<double>("b")[0] == -3);
  CHECK(b.entry("i").bytes.size() == 4);
  CHECK_THROWS_AS(b.tensor<float>("i"), InputError);
}

TEST_CASE("safetensors: types that nobody asks for do not matter; asked for, they are refused") {
  // Bits of an element; of types yet unknown anything from one bit on is possible.
  const std::vector<std::pair<std::string, int>> types = {
      {"BOOL", 8},    {"U8", 8},      {"I8", 8},          {"I16", 16},        {"U16", 16},
      {"I32", 32},    {"U32", 32},    {"I64", 64},        {"U64", 64},        {"C64", 64},
      {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F8_E8M0", 8},
      {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"F7", 7},          {"I128", 128},
      {"F7\\n", 1},   {"", 24}};
  for (const auto& [type, bits] : types) {
    CAPTURE(type);
    const int bytes = bits;  // of eight elements
    const auto range = [](int begin, int end) {
      return "[" + std::to_string(begin) + "," + std::to_string(end) + "]";
    };
    const SafetensorsFile file = parse(container(
        "{\"a\":" + entry(type, "[2,4]", range(0, bytes)) +
            ",\"b\":" + entry("F32", "[1]", range(bytes, bytes + 4)) + "}",
        std::string(static_cast<std::size_t>(bytes), '\1') + std::string("\x00\x00\x80\x3f", 4)));
    CHECK(file.tensor<float>("b")[0] == 1);
    try {
      file.tensor<float>("a");
      FAIL_CHECK("read");
    } catch (const InputError& error) {
      CHECK_THAT(error.what(), contains_text("f: entry \"a\" is \"" + type));
      CHECK(std::string(error.what()).find('\n') == std::string::npos);
    }
  }
}

TEST_CASE("safetensors: a __metadata__ of null is none") {
  const SafetensorsFile file =
      parse(container("{\"__metadata__\":null,\"a\":" + entry("F32", "[2]", "[0,8]") + "}", eight));
  CHECK(file.metadata.empty());
  CHECK(file.tensor<float>("a").size() == 2);
}

TEST_CASE("safetensors: a module takes its entries, whatever else there is but F32") {
  Linear<float> layer(2, 1, {1, 2});
  SafetensorsFile file;
  for (const auto& [name, tensor] : state_dict<float>(layer)) file.add("layer." + name, tensor);
  file.add("other", Tensor<float>::zeros({3}));  // without the prefix
  file.add("layer.wide", Tensor<double>::zeros({1}));
  for (const char* type : {"I64", "U8", "BOOL", "F16", "BF16", "F8_E5M2", "new"})
    file.entries.push_back(
        {std::string("layer.") + type, type, Shape{8}, std::vector<std::byte>(64)});
  for (auto& entry : file.entries)
    if (entry.dtype == "F16" || entry.dtype == "BF16") entry.bytes.resize(16);
  Linear<float> loaded(2, 1, {3, 4});
  load_state_dict<float>(loaded, file, "layer.");
  CHECK(identical(loaded.weight.value(), layer.weight.value()));
  file.add("layer.more", Tensor<float>::zeros({1}));
  CHECK_THROWS_WITH(load_state_dict<float>(loaded, file, "layer."), contains_text("'more'"));
  file.entries.pop_back();
  for (auto& entry : file.entries)
    if (entry.name == "layer.weight") entry.dtype = "I32";
  CHECK_THROWS_WITH(load_state_dict<float>(loaded, file, "layer."), contains_text("\"I32\""));
}

TEST_CASE("safetensors: a file longer than the memory is refused before it is read") {
  const TemporaryFolder folder;
  put_file(folder / "sparse", container("{}", ""));
  std::error_code cannot;
  std::filesystem::resize_file(folder / "sparse", std::uintmax_t{1} << 42, cannot);
  if (cannot) return;  // a file system without holes
  CHECK_THROWS_WITH(read_safetensors(folder / "sparse"), contains_text("GB of memory"));
}

TEST_CASE("safetensors: malformed files are refused in one line") {
  const std::string good = entry("F32", "[2]", "[0,8]");
  const auto one = [](const std::string& e) { return container("{\"a\":" + e + "}", eight); };
  CHECK(parse(one(good)).entries.size() == 1);
  CHECK(parse(container("{}", "")).entries.empty());
  std::string deep = "{\"a\":";
  for (int i = 0; i < 100000; ++i) deep += '[';
  const std::vector<std::string> bad = {
      "",
      "1234567",
      container("", ""),
      container("{}", "", 3),
      container("{}", "", 100'000'001),
      container("{}", "", ~std::uint64_t{0} - 1),
      container(" {}", ""),
      container("[]", ""),
      container("{}x", ""),
      container("{\n", ""),
      container("{\"\xFF\":1}", ""),
      container("{}", "x"),
      container(deep, ""),
      container("{\"a\":" + good + ",\"a\":" + good + "}", eight),
      container(R"({"__metadata__":{"x":"1","x":"2"}})", ""),
      container(R"({"__metadata__":{"x":1}})", ""),
      container(R"({"__metadata__":[]})", ""),
      one("1"),
      one(R"({"dtype":"F32","shape":[2]})"),
      one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1})"),
      one(R"({"dtype":32,"shape":[2],"data_offsets":[0,8]})"),
      one(entry("F4", "[15]", "[0,8]")),
      one(entry("F6_E2M3", "[3]", "[0,8]")),
      one(entry("F7", "[65]", "[0,8]")),
      one(entry("F7", "[0]", "[0,8]")),
      one(entry("F7", "[4294967296,4294967296]", "[0,8]")),
      one(entry("F7", "[2]", "[0,9]")),
      one(entry("F7", "[-2]", "[0,8]")),
      one(entry("F32", "2", "[0,8]")),
      one(entry("F32", "[-2]", "[0,8]")),
      one(entry("F32", "[2.0]", "[0,8]")),
      one(entry("F32", "[3]", "[0,8]")),
      one(entry("F32", "[2]", "[8,0]")),
      one(entry("F32", "[2]", "[0,8,8]")),
      one(entry("F32", "[2]", "[8,16]")),
      one(entry("F32", "[1]", "[0,4]")),
      one(entry("F32", "[1]", "[4,8]")),
      one(entry("F32", "[4294967296,4294967296,2]", "[0,8]")),
      container("{\"a\":" + entry("F32", "[0,4294967296,4294967296]", "[0,0]") + "}", ""),
      one(entry("F32", "[4611686018427387906]", "[0,8]")),
      one(entry("F32", "[99999999999999999999]", "[0,8]")),
      container("{\"a\":" + good + ",\"b\":" + entry("F32", "[1]", "[4,8]") + "}", eight),
      container("{\"a\":" + good + ",\"b\":" + good + "}", eight),
  };
  for (const std::string& file : bad) {
    INFO(file.substr(0, 150));
    std::string message = "accepted";
    try {
      parse(file);
    } catch (const InputError& error) {
      message = error.what();
    }
    CHECK(message.substr(0, 3) == "f: ");
    CHECK(message.find('\n') == std::string::npos);
    CHECK(message.size() < 600);
  }
}

TEST_CASE("safetensors: a file cut anywhere is refused; a flipped bit never crashes") {
  const std::string good = container(
      "{\"a\":" + entry("F32", "[1,2]", "[0,8]") + ",\"__metadata__\":{\"k\":\"v\"}}", eight);
  for (std::size_t n = 0; n < good.size(); ++n) {
    CHECK_THROWS_AS(parse(good.substr(0, n)), InputError);
  }
  CHECK_THROWS_AS(parse(good + 'x'), InputError);
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string file = good;
      file[i] = static_cast<char>(file[i] ^ (1 << bit));
      try {
        parse(file);
      } catch (const InputError&) {
      }
    }
  }
}

TEST_CASE("safetensors: what cannot be read or written is named") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(read_safetensors(folder / "none"), contains_text("none"));
  CHECK_THROWS_AS(read_safetensors(folder.path()), InputError);
  CHECK_THROWS_AS(read_safetensors("/dev/zero"), InputError);
  SafetensorsFile file;
  file.add("\xFF", Tensor<float>::scalar(1));
  CHECK_THROWS_AS(write_safetensors(folder / "a", file), ArgumentError);
  file.entries[0] = {"x", "F32", Shape{3}, std::vector<std::byte>(8)};
  CHECK_THROWS_AS(write_safetensors(folder / "a", file), ArgumentError);
  CHECK(folder.files() == 0);
}
