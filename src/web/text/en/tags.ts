export const tags = {
  columns: {
    name: 'Tag',
    digest: 'Digest',
    platforms: 'Platforms',
    attestations: 'Attached',
    size: 'Size',
    moved: 'Updated',
  },
  empty: 'No tags.',
  pinned: 'pinned',
  more: (count: number) => `and ${count} more`,
}
