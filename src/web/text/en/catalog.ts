export const catalog = {
  title: 'Catalog',
  lead: 'What your upstreams offer. Pick one and mirror it into your organization.',
  upstream: 'Upstream',
  searchLabel: 'Find an image',
  mirrored: 'Mirrored',
  all: 'All',
  onlyMirrored: 'Mirrored already',
  notMirrored: 'Not mirrored',
  count: (shown: string, all: string) => `${shown} of ${all}`,
  empty: 'Nothing here matches.',
  noUpstream: 'No upstream yet. An owner adds one: kagami upstream add NAME URL --org ORGANIZATION',
  mirrors: (count: number) => (count === 1 ? '1 mirror' : `${count} mirrors`),
}
