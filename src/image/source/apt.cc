#include "image/source/apt.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "image/source/apt_session.h"
#include "image/source/archive_sources.h"
#include "image/source/host_sources.h"
#include "image/source/package_cache.h"
#include "image/source/reach.h"
#include "image/source/solution_cache.h"
#include "image/source/suggest.h"
#include "image/source/suites.h"
#include "image/source/unpack.h"
#include "image/tree/digest.h"
#include "sys/file.h"

namespace inro::image {
namespace {

constexpr std::chrono::hours kYoung{24};

// Held while the lists of an archive are changed or read; released when the owner goes away.
Result<UniqueFd> Lock(const std::string& path, Progress& progress) {
  INRO_ASSIGN(UniqueFd fd, sys::Open(path, O_RDWR | O_CREAT));
  struct flock whole{};  // an open file description lock: it goes with the descriptor
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (fcntl(fd.get(), F_OFD_SETLK, &whole) == 0) return fd;
  progress.Note(fmt::format("waiting for another build that uses {}", path));
  while (fcntl(fd.get(), F_OFD_SETLKW, &whole) != 0) {
    if (errno != EINTR) return FailErrno("lock {}", path);
  }
  return fd;
}

// Where libapt-pkg keeps the signed index of a suite: the URI with "/" as "_".
std::string ReleaseFile(const std::string& root, const ListSource& source) {
  std::string name = source.uri.substr(source.uri.find(':') + 1);
  name.erase(0, name.find_first_not_of('/') == std::string::npos ? name.size()
                                                                 : name.find_first_not_of('/'));
  if (source.uri.starts_with("file:")) name = "/" + name;
  name += "/dists/" + source.suite + "/InRelease";
  std::replace(name.begin(), name.end(), '/', '_');
  return root + "/state/lists/" + name;
}

std::string Age(std::chrono::seconds age) {
  if (age < std::chrono::minutes(2)) return fmt::format("{} s", age.count());
  if (age < std::chrono::hours(2)) return fmt::format("{} min", age.count() / 60);
  if (age < std::chrono::hours(48)) return fmt::format("{} h", age.count() / 3600);
  return fmt::format("{} days", age.count() / 86400);
}

}  // namespace

std::string DefaultCacheDir() {
  if (const char* cache = getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/') {
    return std::string(cache) + "/inro";
  }
  if (const char* home = getenv("HOME"); home != nullptr && *home == '/') {
    return std::string(home) + "/.cache/inro";
  }
  return fmt::format("/tmp/inro-{}", getuid());
}

struct AptArchive::State {
  AptOptions options;
  std::string mirror;
  SessionOptions session;
  std::string fingerprint;  // of the package lists

  std::string Stamp() const { return session.root + "/updated"; }
  std::string LockPath() const { return session.root + "/lock"; }

  // Since the lists were fetched; empty when there are none to use.
  std::optional<std::chrono::seconds> ListAge() const;
  Result<> RefreshLists(Progress& progress);
  Result<> ReadFingerprint();
  Result<AptSession> StartSession();
  Result<> FetchMissing(const PackageCache& cache, const std::vector<Package>& packages,
                        Progress& progress);
};

std::optional<std::chrono::seconds> AptArchive::State::ListAge() const {
  struct stat status{};
  if (stat(Stamp().c_str(), &status) != 0) return std::nullopt;
  for (const ListSource& source : session.sources) {
    if (!sys::Exists(ReleaseFile(session.root, source))) return std::nullopt;
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now) -
                   std::chrono::seconds(status.st_mtim.tv_sec);
  return std::max(age, std::chrono::seconds(0));
}

Result<AptSession> AptArchive::State::StartSession() {
  SessionOptions with_transport = session;
  with_transport.settings = ReadHostTransport();
  if (mirror.find("snapshot.debian.org") != std::string::npos) {
    with_transport.settings.emplace_back("Acquire::Check-Valid-Until", "false");
  }
  return AptSession::Start(with_transport);
}

Result<> AptArchive::State::RefreshLists(Progress& progress) {
  progress.Step(fmt::format("fetch package lists of {}", options.suite));
  const std::optional<std::chrono::seconds> age = ListAge();
  INRO_ASSIGN(AptSession apt, StartSession());
  const auto outcome = apt.Update(progress);
  if (!outcome && outcome.error().kind() == ErrorKind::kNotFound) {
    for (const ListSource& source : session.sources) {
      if (source.suite == options.suite ||
          outcome.error().message().find("/dists/" + source.suite + "/") == std::string::npos) {
        continue;
      }
      return Fail("{} has no suite {}, which {} is used with: {}", source.uri, source.suite,
                  options.suite, outcome.error().message());
    }
    return FailAs(ErrorKind::kBadInput, "{} has no suite {}, or not in these components{}", mirror,
                  options.suite, DidYouMean(options.suite, SuiteNames()));
  }
  if (!outcome) {
    return std::unexpected(
        outcome.error().Wrap(fmt::format("fetch package lists from {}", mirror)));
  }
  if (!outcome->reachable) {
    if (!age) return Fail("cannot reach the mirror {}: {}", mirror, outcome->problem);
    progress.Note(fmt::format("cannot reach the mirror {} ({}); going on with package lists of {}",
                              mirror, outcome->problem, Age(*age) + " ago"));
    return {};
  }
  INRO_TRY(sys::WriteFile(Stamp(), ""));
  if (!ListAge()) return Fail("{} gave no signed package lists", mirror);
  return {};
}

Result<> AptArchive::State::ReadFingerprint() {
  Sha256 hash;
  for (const ListSource& source : session.sources) {
    INRO_ASSIGN(const std::string text, sys::ReadFile(ReleaseFile(session.root, source)));
    hash.Update(fmt::format("{} {} {}\n", source.uri, source.suite, text.size()));
    hash.Update(text);
  }
  fingerprint = hash.FinishHex();
  return {};
}

Result<> AptArchive::State::FetchMissing(const PackageCache& cache,
                                         const std::vector<Package>& packages, Progress& progress) {
  std::vector<const Package*> missing;
  std::uint64_t bytes = 0;
  for (const Package& package : packages) {
    if (cache.Contains(package)) continue;
    if (package.uri.empty()) return Fail("nothing says where package {} is", package.name);
    missing.push_back(&package);
    bytes += package.size;
  }
  if (missing.empty()) return {};
  progress.Step(fmt::format("fetch {} packages ({:.1f} MB)", missing.size(),
                            static_cast<double>(bytes) / 1e6));
  INRO_TRY(sys::MakeDirectories(cache.folder()));
  INRO_ASSIGN(const sys::TempDir incoming, sys::TempDir::Create("incoming", cache.folder()));
  std::vector<FetchItem> items;
  for (const Package* package : missing) {
    items.push_back({package->name + " " + package->version, package->uri, package->sha256,
                     package->size, incoming.path() + "/" + package->sha256 + ".deb"});
  }
  INRO_ASSIGN(AptSession apt, StartSession());
  if (const auto fetched = apt.Fetch(items, progress); !fetched) {
    const bool gone = fetched.error().kind() == ErrorKind::kNotFound;
    return Fail("fetch packages from {}: {}{}", mirror, fetched.error().ToString(),
                gone ? "; the archive has moved on: refresh the package lists" : "");
  }
  for (std::size_t at = 0; at < missing.size(); ++at) {
    INRO_TRY(cache.Adopt(*missing[at], items[at].destination));
  }
  return {};
}

AptArchive::AptArchive(std::unique_ptr<State> state) : state_(std::move(state)) {}
AptArchive::AptArchive(AptArchive&&) noexcept = default;
AptArchive& AptArchive::operator=(AptArchive&&) noexcept = default;
AptArchive::~AptArchive() = default;

const std::string& AptArchive::mirror() const { return state_->mirror; }

Result<AptArchive> AptArchive::Open(const AptOptions& options, Progress& progress) {
  auto state = std::make_unique<State>();
  state->options = options;
  std::string& cache = state->options.cache_dir;
  if (cache.empty()) cache = DefaultCacheDir();
  std::error_code ignored;  // an empty result fails below, where the folder is made
  cache = std::filesystem::absolute(cache, ignored).string();
  SessionOptions& session = state->session;
  INRO_ASSIGN(session.sources, ArchiveSources(options));
  state->mirror = session.sources[0].uri;
  session.components = options.components;
  session.architecture = options.architecture;
  session.keyring = options.keyring;
  std::string identity = fmt::format("{} {} {}", options.architecture, options.keyring,
                                     fmt::join(options.components, ","));
  for (const ListSource& source : session.sources) {
    identity += fmt::format(" {} {}", source.uri, source.suite);
  }
  std::string folder = options.suite;
  std::replace(folder.begin(), folder.end(), '/', '_');
  session.root = fmt::format("{}/apt/{}-{}", cache, folder, Sha256Hex(identity).substr(0, 16));
  INRO_TRY(sys::MakeDirectories(session.root));
  INRO_ASSIGN(const UniqueFd lock, Lock(state->LockPath(), progress));
  const std::optional<std::chrono::seconds> age = state->ListAge();
  if (age && *age < kYoung && !options.refresh) {
    progress.Note(fmt::format("package lists of {}: {} old, used again", options.suite, Age(*age)));
  } else {
    INRO_TRY(state->RefreshLists(progress));
  }
  INRO_TRY(state->ReadFingerprint());
  return AptArchive(std::move(state));
}

Result<std::vector<Package>> AptArchive::Resolve(const std::vector<std::string>& wanted,
                                                 const std::vector<std::string>& exclude) {
  if (wanted.empty()) return FailAs(ErrorKind::kBadInput, "no packages are wanted");
  const std::set<std::string> excluded(exclude.begin(), exclude.end());
  for (const std::string& name : wanted) {
    if (excluded.contains(name)) {
      return FailAs(ErrorKind::kBadInput, "package {} is both wanted and excluded", name);
    }
  }
  const SolutionCache solutions(state_->session.root + "/solutions");
  if (auto known = solutions.Load(SolutionCache::Key(state_->fingerprint, wanted, exclude))) {
    return *known;
  }
  SilentProgress silent;
  INRO_ASSIGN(const UniqueFd lock, Lock(state_->LockPath(), silent));
  // Another process may have fetched newer lists since.
  INRO_TRY(state_->ReadFingerprint());
  INRO_ASSIGN(AptSession apt, state_->StartSession());
  INRO_ASSIGN(const std::vector<Package> solution, apt.Solve(wanted, exclude));
  std::vector<Package> packages = Reach(solution, wanted, excluded);
  INRO_TRY(solutions.Store(SolutionCache::Key(state_->fingerprint, wanted, exclude), packages));
  return packages;
}

Result<SourceTree> AptArchive::Unpack(const std::vector<Package>& packages, Progress& progress) {
  const PackageCache cache(state_->options.cache_dir + "/packages");
  // The second round is for cached files that turn out corrupt: they are removed, so fetched again.
  for (int round = 0;; ++round) {
    INRO_TRY(state_->FetchMissing(cache, packages, progress));
    progress.Step(fmt::format("unpack {} packages", packages.size()));
    auto source = UnpackPackages(cache, packages, progress);
    if (source || source.error().kind() != ErrorKind::kNotFound || round == 2) return source;
    progress.Note(source.error().ToString() + "; fetched again");
  }
}

Result<SourceTree> FetchApt(const AptOptions& options, Progress& progress) {
  INRO_ASSIGN(AptArchive archive, AptArchive::Open(options, progress));
  progress.Step("resolve packages");
  INRO_ASSIGN(const std::vector<Package> packages,
              archive.Resolve(options.packages, options.exclude));
  return archive.Unpack(packages, progress);
}

}  // namespace inro::image
