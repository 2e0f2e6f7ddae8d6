export const repositories = {
  title: 'Repositories',
  lead: 'Everything that you can pull from this organization.',
  columns: { name: 'Name', visibility: 'Visibility', tags: 'Tags', size: 'Size', updated: 'Updated' },
  empty: 'No repositories that you can pull. An owner can mirror one from the catalog, or give your team access.',
  tabs: {
    overview: 'Overview',
    tags: 'Tags',
    mirror: 'Mirror',
    replications: 'Replications',
    webhooks: 'Webhooks',
    access: 'Access',
    activity: 'Activity',
    settings: 'Settings',
  },
  private: 'Private',
  public: 'Public',
  pull: 'Pull',
  noDescription: 'No description yet.',
  facts: { created: 'Created', updated: 'Updated', size: 'Size', tags: 'Tags' },
  archived: 'Archived',
  absentTitle: 'Repository not found',
  absent: (name: string) =>
    `There is no repository ${name}, or you don’t have access to it. Ask an owner of the organization, or an admin of the repository, to give one of your teams access.`,
  all: 'All repositories',
  mirrorAlone:
    'You can manage its mirror. To pull what it brings, ask an owner or an admin of the repository to give one of your teams access.',
  hidden: (tab: string) => `${tab} is for admins of this repository. Ask an owner or editor of the organization.`,
}
