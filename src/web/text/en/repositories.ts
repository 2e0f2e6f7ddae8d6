export const repositories = {
  title: 'Repositories',
  lead: 'Everything that your organization can pull.',
  columns: { name: 'Name', visibility: 'Visibility', tags: 'Tags', size: 'Size', updated: 'Updated' },
  empty: 'No repositories that you may pull. An owner mirrors one from the catalog, or grants your team some.',
  tabs: { overview: 'Overview', tags: 'Tags', mirror: 'Mirror', webhooks: 'Webhooks', settings: 'Settings' },
  private: 'Private',
  public: 'Public',
  pull: 'Pull',
  noDescription: 'No description yet.',
  newest: (tag: string) => `the newest tag, ${tag}`,
  facts: { created: 'Made', updated: 'Updated', size: 'Size', tags: 'Tags', mirrorOf: 'Mirror of' },
}
