// Source kind `apt`: packages of a Debian archive, resolved by libapt-pkg in process and unpacked
// straight into a tree. No root, no chroot, no maintainer scripts; nothing of the host's apt state
// is read or written except which mirror and proxy it uses.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "image/source/source.h"

namespace inro::image {

struct AptOptions {
  // Base URI of the archive. Empty: the one the host's apt uses for Debian, else deb.debian.org.
  std::string mirror;
  std::string suite;  // "bookworm", "trixie", "stable", ...
  std::vector<std::string> components = {"main"};
  std::string architecture = "amd64";
  std::vector<std::string> packages;  // what FetchApt resolves
  std::vector<std::string> exclude;   // never taken, although something depends on them
  // SUITE-updates and SUITE-security too, for suites that have them (a released suite does).
  bool updates = true;
  std::string security_mirror;  // empty: as for `mirror`
  std::string keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  std::string cache_dir;  // empty: DefaultCacheDir()
  bool refresh = false;   // fetch the package lists even when the ones at hand are young
};

// $XDG_CACHE_HOME/inro, else $HOME/.cache/inro, else a folder of the user's below /tmp.
std::string DefaultCacheDir();

// One suite of one archive, with its lists and its cache of packages.
//
// Errors: a suite or package that does not exist is kBadInput and names close matches; an archive
// that is unsigned or signed by another key is kFailed, as is a mirror that cannot be reached when
// something is needed from it. With lists and packages at hand it works offline and says so.
// Several processes may use one cache folder at once. Not thread-safe: libapt-pkg has global state,
// so one thread at a time may use any AptArchive of the process.
class AptArchive {
 public:
  // Makes sure that there are package lists: those at hand when younger than a day, else fetched.
  static Result<AptArchive> Open(const AptOptions& options, Progress& progress);

  AptArchive(AptArchive&&) noexcept;
  AptArchive& operator=(AptArchive&&) noexcept;
  ~AptArchive();

  // The packages reached from `wanted` through dependencies (no Recommends, Essential ones only
  // when reached), not passing through `exclude`; sorted by name. Remembered on disk, so asking
  // again for the same is a matter of milliseconds until the lists change.
  Result<std::vector<Package>> Resolve(const std::vector<std::string>& wanted,
                                       const std::vector<std::string>& exclude);

  // Fetches the packages that are not in the cache, verifies each by its SHA-256, and unpacks all
  // with merged /usr. Every node's origin is its package's name.
  Result<SourceTree> Unpack(const std::vector<Package>& packages, Progress& progress);

  // The archive that is really used ("http://deb.debian.org/debian").
  const std::string& mirror() const;

 private:
  struct State;
  explicit AptArchive(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Open, Resolve(options.packages, options.exclude) and Unpack in one go.
Result<SourceTree> FetchApt(const AptOptions& options, Progress& progress);

}  // namespace inro::image
