export const palette = {
  placeholder: 'Find a page, repository, tag or image',
  nothing: 'Nothing found.',
  pages: 'Pages',
  repositories: 'Repositories',
  tags: 'Tags',
  catalog: 'Catalog',
  further: 'Search',
  actions: 'Actions',
  board: 'Freshness board',
  searchImages: (part: string) => `Find “${part}” in images`,
  searchCatalog: (part: string) => `Search the catalog for “${part}”`,
  toOrganization: (organization: string) => `Go to ${organization}`,
}
