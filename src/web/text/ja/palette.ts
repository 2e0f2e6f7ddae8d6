import type { Text } from '../en/index.ts'

export const palette: Text['palette'] = {
  placeholder: 'ページ、リポジトリ、タグ、イメージを検索',
  nothing: '見つかりませんでした。',
  pages: 'ページ',
  repositories: 'リポジトリ',
  tags: 'タグ',
  catalog: 'カタログ',
  actions: '操作',
  board: '鮮度ボード',
  searchCatalog: (part) => `カタログで「${part}」を検索`,
  toOrganization: (organization) => `${organization} へ移動`,
}
