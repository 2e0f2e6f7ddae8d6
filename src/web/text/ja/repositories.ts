import type { Text } from '../en/index.ts'

export const repositories: Text['repositories'] = {
  title: 'リポジトリ',
  lead: '組織がプルできるすべてです。',
  columns: { name: '名前', visibility: '公開範囲', tags: 'タグ', size: 'サイズ', updated: '更新' },
  empty: 'プルできるリポジトリがありません。オーナーがカタログからミラーするか、チームに権限を与えます。',
  tabs: { overview: '概要', tags: 'タグ', mirror: 'ミラー', webhooks: 'Webhook', settings: '設定' },
  private: '非公開',
  public: '公開',
  pull: 'プル',
  noDescription: '説明はまだありません。',
  newest: (tag) => `最新のタグ ${tag}`,
  facts: { created: '作成', updated: '更新', size: 'サイズ', tags: 'タグ', mirrorOf: 'ミラー元' },
}
