export const repositories = {
  title: 'Repositories',
  lead: 'Everything that you can pull from this organization.',
  columns: { name: 'Name', visibility: 'Visibility', tags: 'Tags', size: 'Size', updated: 'Updated' },
  empty: 'No repositories that you can pull. An owner can mirror one from the catalog, or give your team access.',
  tabs: { overview: 'Overview', tags: 'Tags', mirror: 'Mirror', webhooks: 'Webhooks', settings: 'Settings' },
  private: 'Private',
  public: 'Public',
  pull: 'Pull',
  noDescription: 'No description yet.',
  newest: (tag: string) => `the newest tag, ${tag}`,
  facts: { created: 'Created', updated: 'Updated', size: 'Size', tags: 'Tags', mirrorOf: 'Mirror of' },
}
