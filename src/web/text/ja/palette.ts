import type { Text } from '../en/index.ts'

export const palette: Text['palette'] = {
  placeholder: 'ページ、リポジトリ、タグ、イメージを検索',
  nothing: '見つかりませんでした。',
  pages: 'ページ',
  repositories: 'リポジトリ',
  tags: 'タグ',
  catalog: 'カタログ',
  further: '検索',
  actions: '操作',
  board: '鮮度ボード',
  searchImages: (part) => `イメージの中から「${part}」を検索`,
  searchCatalog: (part) => `カタログで「${part}」を検索`,
  toOrganization: (organization) => `${organization} へ移動`,
}
