#include "image/source/apt_session.h"

#include <apt-pkg/acquire-item.h>
#include <apt-pkg/acquire.h>
#include <apt-pkg/configuration.h>
#include <apt-pkg/error.h>
#include <apt-pkg/init.h>
#include <apt-pkg/pkgsystem.h>
#include <apt-pkg/sourcelist.h>

#include <algorithm>

#include "image/source/apt_messages.h"
#include "sys/file.h"

namespace inro::image {
namespace {

// Reports how far a download is, and remembers what failed.
class Status final : public pkgAcquireStatus {
 public:
  explicit Status(Progress& progress) : progress_(progress) {}

  bool MediaChange(std::string, std::string) override { return false; }

  bool Pulse(pkgAcquire* owner) override {
    pkgAcquireStatus::Pulse(owner);
    progress_.Update(CurrentBytes, TotalBytes, "B");
    return true;
  }

 private:
  Progress& progress_;
};

// One failed item of a fetcher; items that were merely passed over are StatIdle.
struct Failure {
  std::string uri;
  std::string text;
  bool network = false;
};

std::vector<Failure> Failures(const pkgAcquire& fetcher) {
  std::vector<Failure> failures;
  for (auto at = fetcher.ItemsBegin(); at != fetcher.ItemsEnd(); ++at) {
    const pkgAcquire::Item& item = **at;
    if (item.Status == pkgAcquire::Item::StatDone) continue;
    if (item.Status == pkgAcquire::Item::StatIdle && item.ErrorText.empty()) continue;
    failures.push_back({item.DescURI(), item.ErrorText,
                        item.Status == pkgAcquire::Item::StatTransientNetworkError});
  }
  return failures;
}

std::string SourcesText(const SessionOptions& options) {
  std::string text;
  for (const ListSource& source : options.sources) {
    text += fmt::format(
        "Types: deb\nURIs: {}\nSuites: {}\nComponents: {}\nArchitectures: {}\nSigned-By: {}\n\n",
        source.uri, source.suite, fmt::join(options.components, " "), options.architecture,
        options.keyring);
  }
  return text;
}

// libapt-pkg's cache is valid only while it is newer than these files.
Result<> WriteIfDifferent(const std::string& path, const std::string& text) {
  if (const auto present = sys::ReadFile(path); present && *present == text) return {};
  return sys::WriteFile(path, text);
}

}  // namespace

Result<AptSession> AptSession::Start(const SessionOptions& options) {
  const std::string& root = options.root;
  for (const char* folder : {"etc", "state/lists/partial", "cache/archives/partial"}) {
    INRO_TRY(sys::MakeDirectories(root + "/" + folder));
  }
  INRO_TRY(WriteIfDifferent(root + "/etc/inro.sources", SourcesText(options)));
  INRO_TRY(WriteIfDifferent(root + "/status", ""));
  _error->Discard();
  // The folders are set before the defaults are read, so that nothing of the host's is.
  unsetenv("APT_CONFIG");
  _config = new Configuration;  // the old one stays: parts of libapt-pkg may point into it
  const std::pair<const char*, std::string> settings[] = {
      {"Dir", root + "/"},
      {"Dir::State", root + "/state/"},
      {"Dir::State::status", root + "/status"},
      {"Dir::Cache", root + "/cache/"},
      {"Dir::Etc", root + "/etc/"},
      {"Dir::Etc::sourcelist", root + "/etc/inro.sources"},
      {"Dir::Etc::sourceparts", root + "/etc/sources.none"},
      {"Dir::Log", root + "/log/"},
      {"APT::Architecture", options.architecture},
      {"APT::Install-Recommends", "false"},
      {"APT::Sandbox::User", ""},
      {"Acquire::Languages", "none"},
      {"Acquire::GzipIndexes", "true"},
      {"Acquire::PDiffs", "false"},
      {"Acquire::AllowReleaseInfoChange", "true"},
      {"Acquire::Retries", "2"},
      {"Acquire::http::Timeout", "20"},
      {"Acquire::https::Timeout", "20"},
      {"pkgCacheGen::ForceEssential", ","},
  };
  for (const auto& [name, value] : settings) _config->Set(name, value);
  _config->Set("APT::Architectures::", options.architecture);
  for (const auto& [name, value] : options.settings) _config->Set(name, value);
  if (!pkgInitConfig(*_config)) {
    return Fail("set up libapt-pkg in {}: {}", root, TakeAptMessages());
  }
  // Only after the defaults, which would fill an empty value: the cache without sources is of no
  // use here, and as large as the one that is.
  _config->Set("Dir::Cache::srcpkgcache", "");
  if (!pkgInitSystem(*_config, _system)) {
    return Fail("set up libapt-pkg in {}: {}", root, TakeAptMessages());
  }
  return AptSession(options);
}

Result<UpdateOutcome> AptSession::Update(Progress& progress) {
  pkgSourceList list;
  if (!list.ReadMainList()) {
    return Fail("read {}/etc/inro.sources: {}", options_.root, TakeAptMessages());
  }
  Status status(progress);
  pkgAcquire fetcher(&status);
  if (!fetcher.GetLock(options_.root + "/state/lists/") || !list.GetIndexes(&fetcher)) {
    return Fail("prepare the package lists: {}", TakeAptMessages());
  }
  const pkgAcquire::RunResult result = fetcher.Run(200'000);
  const std::vector<Failure> failures = Failures(fetcher);
  const std::string messages = TakeAptMessages();
  for (const Failure& failure : failures) {
    if (failure.network) continue;
    const bool absent = failure.text.find("404 ") != std::string::npos ||
                        failure.text.find("does not have a Release file") != std::string::npos ||
                        failure.text.find("File not found") != std::string::npos;
    return FailAs(absent ? ErrorKind::kNotFound : ErrorKind::kFailed, "{}: {}", failure.uri,
                  failure.text);
  }
  if (!failures.empty()) return UpdateOutcome{false, failures[0].text};
  if (result != pkgAcquire::Continue) return Fail("fetch the package lists: {}", messages);
  return UpdateOutcome{};
}

Result<> AptSession::Fetch(const std::vector<FetchItem>& items, Progress& progress) {
  Status status(progress);
  pkgAcquire fetcher(&status);
  for (const FetchItem& item : items) {
    HashStringList hashes;
    hashes.push_back(HashString("SHA256", item.sha256));
    hashes.FileSize(item.size);
    // From a local archive a file of our own, not a link to the archive's.
    const bool local = item.uri.starts_with("file:");
    const std::string uri = local ? "copy:" + item.uri.substr(5) : item.uri;
    // Owned by the fetcher, which deletes its items.
    new pkgAcqFile(&fetcher, uri, hashes, item.size, item.name, item.name, "", item.destination);
  }
  const pkgAcquire::RunResult result = fetcher.Run(200'000);
  const std::vector<Failure> failures = Failures(fetcher);
  const std::string messages = TakeAptMessages();
  if (!failures.empty()) {
    const Failure& first = failures[0];
    return FailAs(
        first.text.find("404 ") != std::string::npos ? ErrorKind::kNotFound : ErrorKind::kFailed,
        "{}: {}", first.uri, first.text);
  }
  if (result != pkgAcquire::Continue) return Fail("{}", messages);
  return {};
}

}  // namespace inro::image
