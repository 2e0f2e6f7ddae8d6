export const palette = {
  placeholder: 'Find a page, a repository, a tag, an image',
  nothing: 'Nothing has such a name.',
  pages: 'Pages',
  repositories: 'Repositories',
  tags: 'Tags',
  catalog: 'Catalog',
  actions: 'Actions',
  board: 'Freshness board',
  searchCatalog: (part: string) => `Look for “${part}” in the catalog`,
  toOrganization: (organization: string) => `Go to ${organization}`,
}
