import type { Text } from '../en/index.ts'

export const palette: Text['palette'] = {
  placeholder: 'ページ・リポジトリ・タグ・イメージを探す',
  nothing: '該当するものはありません。',
  pages: 'ページ',
  repositories: 'リポジトリ',
  tags: 'タグ',
  catalog: 'カタログ',
  actions: '操作',
  board: '鮮度ボード',
  searchCatalog: (part) => `カタログで「${part}」を探す`,
  toOrganization: (organization) => `${organization} へ移動`,
}
