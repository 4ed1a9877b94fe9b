// NPY files: what is written is read; what is malformed is refused in one line, and never crashes.
#include "papillon/tensor/npy.hpp"

#include <cstring>
#include <vector>

#include "catch.hpp"
#include "papillon/tensor/random.hpp"
#include "temporary_folder.hpp"

using namespace papillon;

namespace {

std::string npy(const std::string& text, const std::string& data, char major = 1) {
  std::string file = "\x93NUMPY";
  file += major;
  file += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) {
    file += static_cast<char>(text.size() >> (8 * i) & 0xFF);
  }
  return file + text + data;
}

std::string header(const std::string& descr, const std::string& shape,
                   const std::string& order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

Tensor<double> parse(const std::string& file) {
  return parse_npy<double>(to_bytes(file), "f");
}

const std::string eight(8, '\0');

}  // namespace

TEMPLATE_TEST_CASE("What is written is read, in either precision", "", float, double) {
  using T = TestType;
  const TemporaryFolder folder;
  for (const Shape& shape :
       {Shape{}, Shape{0}, Shape{5}, Shape{2, 3}, Shape{4, 0, 2}, Shape{40000}}) {
    const Tensor<T> t = random_normal<T>(shape, {1, 2});
    write_npy(folder / "a.npy", t);
    CHECK(identical(read_npy<T>(folder / "a.npy"), t));
    CHECK(identical(read_npy<float>(folder / "a.npy"), cast<float>(t)));
    CHECK(identical(read_npy<double>(folder / "a.npy"), cast<double>(t)));
    CHECK((file_contents(folder / "a.npy").size() - t.size() * sizeof(T)) % 64 == 0);
  }
  CHECK(folder.files() == 1);
}

TEST_CASE("The bytes are NumPy's") {
  const TemporaryFolder folder;
  write_npy(folder / "a.npy", Tensor<float>({2, 1}, {1, 2}));
  const std::string text = file_contents(folder / "a.npy");
  CHECK(text.substr(0, 10) == std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  CHECK(text.substr(10, 60) == "{'descr': '<f4', 'fortran_order': False, 'shape': (2,1,), } ");
  CHECK(text[127] == '\n');
  CHECK(text.substr(128) == std::string("\x00\x00\x80\x3f\x00\x00\x00\x40", 8));
}

TEST_CASE("Rows are streamed in and out") {
  const TemporaryFolder folder;
  const Tensor<float> all = random_normal<float>({1000, 3, 2}, {1, 2});
  NpyWriter<float> writer(folder / "a.npy", {3, 2});
  for (std::size_t row = 0; row < 1000; row += 125) {
    writer.append(all.span().subspan(row * 6, 125 * 6));
  }
  CHECK(writer.rows() == 1000);
  CHECK_THROWS_AS(writer.append(all.span().first(5)), ShapeError);
  writer.commit();
  CHECK(identical(read_npy<float>(folder / "a.npy"), all));

  NpyReader reader(folder / "a.npy");
  CHECK(reader.shape() == Shape{1000, 3, 2});
  CHECK(reader.row_size() == 6);
  CHECK_FALSE(reader.is_double());
  std::vector<double> part(6 * 300 + 5), got;
  while (const std::size_t n = reader.read_rows<double>(part)) {
    got.insert(got.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(6 * n));
  }
  CHECK(std::equal(got.begin(), got.end(), all.begin(), all.end()));
  reader.seek_row(998);
  CHECK(reader.read_rows<double>(part) == 2);
  CHECK(part[0] == static_cast<double>(all[998 * 6]));
  CHECK_THROWS_AS(reader.seek_row(1001), ArgumentError);
  write_npy(folder / "s.npy", Tensor<float>::scalar(1));
  CHECK_THROWS_AS(NpyReader(folder / "s.npy"), InputError);
  { NpyWriter<double>(folder / "lost.npy", {3}); }
  CHECK(folder.files() == 2);
}

TEST_CASE("Legal variants are read") {
  CHECK(parse(npy(header("<f8", "()"), eight)).item() == 0);
  CHECK(parse(npy(header("<f4", "(2,)"), eight, 2)).shape() == Shape{2});
  CHECK(parse(npy(header("<f4", "(2, 1)"), eight, 3)).shape() == Shape{2, 1});
  CHECK(parse(npy(header("<f4", "(2,)", "True"), eight)).shape() == Shape{2});
  CHECK(parse(npy("{\"shape\":(1,1),\"fortran_order\":False,\"descr\":\"<f8\"}", eight)).size() ==
        1);
  CHECK(parse(npy(header("<f8", "(0, 1000)"), "")).empty());
}

TEST_CASE("Shapes are read as old NumPy wrote them, with long integers") {
  CHECK(parse(npy(header("<f4", "(2L, 1L)"), eight)).shape() == Shape{2, 1});
  CHECK(parse(npy(header("<f4", "(2L,)"), eight)).shape() == Shape{2});
  CHECK(parse(npy(header("<f4", "(2L, 1)"), eight)).shape() == Shape{2, 1});
  for (const char* shape : {"(L,)", "(2LL,)", "(2 L,)", "(2l,)", "(2L 1L)", "(L2,)"})
    CHECK_THROWS_AS(parse(npy(header("<f4", shape), eight)), InputError);
}

TEST_CASE("An array larger than the memory is refused before any is taken") {
  const TemporaryFolder folder;
  const std::string start = npy(header("<f4", "(1099511627776, 1)"), "");
  put_file(folder / "sparse.npy", start);
  std::error_code cannot;
  std::filesystem::resize_file(folder / "sparse.npy", start.size() + (std::uintmax_t{1} << 42),
                               cannot);
  if (cannot) return;  // a file system without holes
  CHECK_THROWS_WITH(read_npy<float>(folder / "sparse.npy"), contains_text("GB of memory"));
}

TEST_CASE("Malformed files are refused") {
  const std::vector<std::string> bad = {
      "",
      "PK\x03\x04 something else that is long enough",
      npy(header("<f8", "(1,)"), eight, 4),
      npy(header(">f8", "(1,)"), eight),
      npy(header("<i8", "(1,)"), eight),
      npy(header("<f2", "(4,)"), eight),
      npy(header("|O", "(1,)"), eight),
      npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", eight),
      npy(header("<f4", "(2, 1)", "True"), eight),
      npy(header("<f4", "(2, 1)", "Maybe"), eight),
      npy(header("<f4", "(2)"), eight),
      npy(header("<f4", "2"), eight),
      npy(header("<f4", "(-2,)"), eight),
      npy(header("<f4", "(2.0,)"), eight),
      npy(header("<f4", "(2 1)"), eight),
      npy(header("<f4", "(2,,1)"), eight),
      npy(header("<f4", "(1,)"), eight),
      npy(header("<f4", "(3,)"), eight),
      npy(header("<f4", "(4611686018427387904, 4)"), ""),
      npy(header("<f4", "(4294967296, 4294967296)"), ""),
      npy(header("<f8", "(0, 18446744073709551615)"), ""),
      npy(header("<f4", "(99999999999999999999,)"), eight),
      npy(header("<f8", "(1,)") + "x", eight),
      npy("{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", eight),
      npy("{'descr': '<f8', 'fortran_order': False}", eight),
      npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'more': 1}", eight),
      npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)", eight),
      npy("{'descr': '<f8", eight),
      npy("", eight),
      npy(header("<f8", "(1,)") + std::string(70000, ' '), eight, 2),
      npy(header("<f8", "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)"),
          eight),
  };
  for (const std::string& file : bad) {
    INFO(file.substr(0, 120));
    try {
      parse(file);
      FAIL_CHECK("accepted");
    } catch (const InputError& error) {
      CHECK(std::string(error.what()).find('\n') == std::string::npos);
      CHECK(std::strncmp(error.what(), "f: ", 3) == 0);
    }
  }
  std::string lying = npy(header("<f8", "(1,)"), eight, 2);
  lying[11] = '\x7F';  // the header claims to be 2 GB long
  CHECK_THROWS_AS(parse(lying), InputError);
}

TEST_CASE("A file cut or lengthened anywhere is refused; a flipped byte never crashes") {
  const std::string good = npy(header("<f4", "(2, 2)"), std::string(16, '\x01'));
  for (std::size_t n = 0; n < good.size(); ++n) {
    CHECK_THROWS_AS(parse(good.substr(0, n)), InputError);
  }
  CHECK_THROWS_AS(parse(good + '\0'), InputError);
  for (std::size_t i = 0; i < good.size() - 16; ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string file = good;
      file[i] = static_cast<char>(file[i] ^ (1 << bit));
      try {
        const Tensor<double> t = parse(file);  // a space more, say
        CHECK(t.size() == 4);
      } catch (const InputError&) {
      }
    }
  }
}

TEST_CASE("Files that cannot be read are named") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(read_npy<float>(folder / "none.npy"), contains_text("none.npy"));
  CHECK_THROWS_AS(read_npy<float>(folder.path()), InputError);
  CHECK_THROWS_AS(read_npy<float>("/dev/null"), InputError);
  put_file(folder / "bad.npy", "not");
  CHECK_THROWS_WITH(read_npy<float>(folder / "bad.npy"), contains_text("bad.npy"));
}
