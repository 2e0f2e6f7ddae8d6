export const catalog = {
  title: 'Catalog',
  lead: 'Images that your upstreams offer. Choose one and mirror it to your organization.',
  upstream: 'Upstream',
  searchLabel: 'Find an image',
  mirrored: 'Show',
  all: 'All',
  onlyMirrored: 'Mirrored',
  notMirrored: 'Not mirrored',
  count: (shown: string, all: string) => `${shown} of ${all}`,
  empty: 'No images match. Try another search or filter.',
  noUpstream: 'No upstreams yet. An owner can add one: kagami upstream add NAME URL --org ORGANIZATION',
  mirrors: (count: number) => (count === 1 ? '1 mirror' : `${count} mirrors`),
}
