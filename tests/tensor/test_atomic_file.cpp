// A file appears whole or not at all, and what was there stays until then.
#include "papillon/tensor/atomic_file.hpp"

#include <unistd.h>

#include "catch.hpp"
#include "papillon/tensor/errors.hpp"
#include "temporary_folder.hpp"

using namespace papillon;
namespace fs = std::filesystem;

TEST_CASE("A committed file replaces the old one, and nothing else is left") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  CHECK(file_contents(folder / "a") == "old");
  {
    AtomicFile file(folder / "a");
    file.write("ne", 2);
    CHECK(file_contents(folder / "a") == "old");
    file.write("w", 1);
    file.commit();
    CHECK(file_contents(folder / "a") == "new");
    CHECK_THROWS_AS(file.write("x", 1), OutputError);
    file.commit();  // once is enough
  }
  CHECK(file_contents(folder / "a") == "new");
  CHECK(folder.files() == 1);
}

TEST_CASE("A file that is not committed leaves nothing behind") {
  const TemporaryFolder folder;
  put_file(folder / "a", "old");
  {
    AtomicFile a(folder / "a"), b(folder / "a"), c(folder / "new");
    a.write("x", 1);
    CHECK(folder.files() == 4);
  }
  CHECK(folder.files() == 1);
  CHECK(file_contents(folder / "a") == "old");
}

TEST_CASE("Other writers can fill the temporary file") {
  const TemporaryFolder folder;
  AtomicFile file(folder / "a");
  put_file(file.temporary(), "theirs");
  file.commit();
  CHECK(file_contents(folder / "a") == "theirs");
}

TEST_CASE("A symbolic link stays one") {
  const TemporaryFolder folder;
  put_file(folder / "target", "old");
  fs::create_symlink("target", folder / "link");
  write_file_atomically(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(file_contents(folder / "target") == "new");
}

TEST_CASE("What cannot be written is one line that names it") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(write_file_atomically(folder / "no/such", "x"), contains_text("no/such"));
  CHECK_THROWS_AS(write_file_atomically(folder.path(), "x"), OutputError);
  CHECK_THROWS_AS(write_file_atomically("", "x"), OutputError);
  CHECK(folder.files() == 0);
}

TEST_CASE("A full disk is an error, and devices are not replaced") {
  if (!fs::is_character_file("/dev/full")) return;
  CHECK_THROWS_AS(write_file_atomically("/dev/full", "x"), OutputError);
  CHECK(fs::is_character_file("/dev/full"));
  write_file_atomically("/dev/null", "x");
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("A read-only folder is an error") {
  const TemporaryFolder folder;
  put_file(folder / "a", "old");
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  if (::access(folder.path().c_str(), W_OK) == 0) return;  // root is never denied
  CHECK_THROWS_AS(write_file_atomically(folder / "a", "new"), OutputError);
  CHECK(file_contents(folder / "a") == "old");
}
