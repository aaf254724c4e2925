// AptSession::Solve: the resolver's part of the session.
#include <apt-pkg/algorithms.h>
#include <apt-pkg/cachefile.h>
#include <apt-pkg/depcache.h>
#include <apt-pkg/indexfile.h>
#include <apt-pkg/pkgrecords.h>
#include <apt-pkg/sourcelist.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "image/source/apt_messages.h"
#include "image/source/apt_session.h"
#include "image/source/suggest.h"

namespace inro::image {
namespace {

bool Installed(pkgDepCache& cache, const pkgCache::VerIterator& version) {
  const pkgCache::PkgIterator package = version.ParentPkg();
  return cache[package].InstallVer != nullptr && cache[package].InstVerIter(cache) == version;
}

// The package that satisfies one alternative of a dependency in the solution; empty when none.
// The one that was named comes before those that provide it, and these by name.
std::string SatisfiedBy(pkgDepCache& cache, pkgCache::DepIterator& alternative) {
  const std::unique_ptr<pkgCache::Version*[]> targets(alternative.AllTargets());
  std::set<std::string> names;
  for (pkgCache::Version** at = targets.get(); *at != nullptr; ++at) {
    const pkgCache::VerIterator version(cache, *at);
    if (Installed(cache, version)) names.emplace(version.ParentPkg().Name());
  }
  const std::string named = alternative.TargetPkg().Name();
  if (names.contains(named)) return named;
  return names.empty() ? "" : *names.begin();
}

// For every dependency of the version the package that fills it. `unmet` gets what nothing fills.
std::vector<std::string> Dependencies(pkgDepCache& cache, const pkgCache::VerIterator& version,
                                      std::vector<std::string>& unmet) {
  std::set<std::string> names;
  for (pkgCache::DepIterator dependency = version.DependsList(); !dependency.end();) {
    pkgCache::DepIterator start;
    pkgCache::DepIterator end;
    dependency.GlobOr(start, end);  // moves `dependency` past the group
    if (start->Type != pkgCache::Dep::Depends && start->Type != pkgCache::Dep::PreDepends) continue;
    const std::string first = start.TargetPkg().Name();
    std::string name;
    for (;; ++start) {
      name = SatisfiedBy(cache, start);
      if (!name.empty() || start == end) break;
    }
    if (name.empty()) {
      unmet.push_back(fmt::format("{} needs {}", version.ParentPkg().Name(), first));
    } else {
      names.insert(name);
    }
  }
  names.erase(version.ParentPkg().Name());
  return {names.begin(), names.end()};
}

// What of the solution the version cannot be together with.
void AddConflicts(pkgDepCache& cache, const pkgCache::VerIterator& version,
                  std::vector<std::string>& unmet) {
  for (pkgCache::DepIterator at = version.DependsList(); !at.end(); ++at) {
    if (!at.IsNegative() || at->Type == pkgCache::Dep::Replaces) continue;
    const std::string other = SatisfiedBy(cache, at);
    if (other.empty() || other == version.ParentPkg().Name()) continue;
    unmet.push_back(fmt::format("{} conflicts with {}", version.ParentPkg().Name(), other));
  }
}

std::unexpected<Error> NoSuchPackage(pkgDepCache& cache, const std::string& name,
                                     const SessionOptions& options) {
  const pkgCache::PkgIterator package = cache.FindPkg(name, options.architecture);
  std::set<std::string> providers;
  if (!package.end()) {
    for (auto at = package.ProvidesList(); !at.end(); ++at) providers.insert(at.OwnerPkg().Name());
  }
  if (!providers.empty()) {
    return FailAs(ErrorKind::kBadInput, "package {} is virtual; name one that provides it: {}",
                  name, fmt::join(providers, ", "));
  }
  std::vector<std::string> names;
  for (auto group = cache.GrpBegin(); !group.end(); ++group) {
    const pkgCache::PkgIterator at = group.FindPkg(options.architecture);
    if (!at.end() && at->VersionList != 0) names.emplace_back(group.Name());
  }
  std::string suites;
  for (const ListSource& source : options.sources) {
    suites += (suites.empty() ? "" : ", ") + source.suite;
  }
  return FailAs(ErrorKind::kBadInput, "no package {} in {} ({}, {}){}", name, suites,
                fmt::join(options.components, " "), options.architecture, DidYouMean(name, names));
}

// Where a version's record starts in its list.
auto RecordPosition(const pkgCache::VerIterator& version) {
  const pkgCache::VerFileIterator file = version.FileList();
  return file.end() ? std::pair(0UL, 0UL)
                    : std::pair<unsigned long, unsigned long>(file.File()->ID, file->Offset);
}

// Fills in what only the package's record says: hashes, file name.
Result<Package> Describe(pkgRecords& records, pkgSourceList& list,
                         const pkgCache::VerIterator& version) {
  Package package;
  package.name = version.ParentPkg().Name();
  package.version = version.VerStr();
  package.architecture = version.Arch();
  package.size = version->Size;
  package.installed_size = version->InstalledSize;
  for (pkgCache::VerFileIterator file = version.FileList(); !file.end(); ++file) {
    pkgIndexFile* index = nullptr;
    if (!list.FindIndex(file.File(), index)) continue;
    pkgRecords::Parser& record = records.Lookup(file);
    const HashStringList hashes = record.Hashes();
    const HashString* hash = hashes.find("SHA256");
    if (hash == nullptr || record.FileName().empty()) continue;
    package.sha256 = hash->HashValue();
    package.uri = index->ArchiveURI(record.FileName());
    return package;
  }
  return Fail("the lists give no SHA-256 for {} {}", package.name, package.version);
}

}  // namespace

Result<std::vector<Package>> AptSession::Solve(const std::vector<std::string>& wanted,
                                               const std::vector<std::string>& known) {
  pkgCacheFile file;
  if (!file.ReadOnlyOpen(nullptr)) return Fail("open the package lists: {}", TakeAptMessages());
  pkgDepCache& cache = *file.GetDepCache();
  const auto find = [&](const std::string& name) {
    return cache.FindPkg(name, options_.architecture);
  };
  const auto exists = [&](const pkgCache::PkgIterator& package) {
    return !package.end() && package->VersionList != 0;
  };
  for (const std::vector<std::string>& names : {wanted, known}) {
    for (const std::string& name : names) {
      if (!exists(find(name))) return NoSuchPackage(cache, name, options_);
    }
  }
  {
    pkgDepCache::ActionGroup group(cache);
    pkgProblemResolver resolver(&cache);
    // The tree is made with merged /usr: the package that says so, not the one that converts a
    // system and needs perl for it. It is dropped afterwards unless something depends on it.
    const bool converts = std::find(wanted.begin(), wanted.end(), "usrmerge") != wanted.end();
    if (const auto merged = find("usr-is-merged"); exists(merged) && !converts) {
      cache.MarkInstall(merged, true);
    }
    for (const bool with_dependencies : {false, true}) {
      for (const std::string& name : wanted) {
        const pkgCache::PkgIterator package = find(name);
        cache.MarkInstall(package, with_dependencies);
        resolver.Clear(package);
        resolver.Protect(package);
      }
    }
    if (cache.BrokenCount() > 0) resolver.Resolve(true);
  }
  TakeAptMessages();
  pkgRecords records(cache);
  std::vector<pkgCache::VerIterator> versions;
  for (pkgCache::PkgIterator at = cache.PkgBegin(); !at.end(); ++at) {
    if (cache[at].InstallVer != nullptr) versions.push_back(cache[at].InstVerIter(cache));
  }
  // In the order of the compressed lists, each of which is then read once, from start to end.
  std::sort(versions.begin(), versions.end(),
            [](const auto& a, const auto& b) { return RecordPosition(a) < RecordPosition(b); });
  std::vector<Package> solution;
  std::vector<std::string> unmet;
  for (const pkgCache::VerIterator& version : versions) {
    INRO_ASSIGN(Package package, Describe(records, *file.GetSourceList(), version));
    package.depends = Dependencies(cache, version, unmet);
    if (cache[version.ParentPkg()].InstBroken()) AddConflicts(cache, version, unmet);
    solution.push_back(std::move(package));
  }
  for (const std::string& name : wanted) {
    if (cache[find(name)].InstallVer == nullptr) {
      unmet.push_back(fmt::format("{} cannot be together with the others", name));
    }
  }
  if (!unmet.empty() || cache.BrokenCount() > 0) {
    return FailAs(ErrorKind::kBadInput, "the packages cannot be resolved: {}",
                  unmet.empty() ? "they conflict" : fmt::format("{}", fmt::join(unmet, "; ")));
  }
  std::sort(solution.begin(), solution.end(),
            [](const Package& a, const Package& b) { return a.name < b.name; });
  return solution;
}

}  // namespace inro::image
