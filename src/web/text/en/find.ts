export const find = {
  title: 'Search images',
  lead: 'Find the tags that hold a package or have a vulnerability.',
  what: 'Package, package URL or vulnerability',
  example: 'For example openssl, pkg:npm/left-pad@1.3.0, CVE-2026-12345',
  hint: 'Type the beginning of a package’s name, a package URL, or the id of a vulnerability.',
  repository: 'Repository',
  count: (count: string) => `${count} found`,
  noPackage: (q: string) => `No tag holds a package that starts with ${q}.`,
  noVulnerability: (q: string) => `No report attached to a tag names ${q}.`,
  packageHint: 'Only images with an SBOM attached can be found.',
}
