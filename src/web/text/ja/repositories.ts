import type { Text } from '../en/index.ts'

export const repositories: Text['repositories'] = {
  title: 'リポジトリ',
  lead: 'この組織からプルできるリポジトリの一覧です。',
  columns: { name: '名前', visibility: '公開範囲', tags: 'タグ', size: 'サイズ', updated: '最終更新' },
  empty:
    'プルできるリポジトリがありません。オーナーに、カタログからのミラーか、チームへの権限の付与を依頼してください。',
  tabs: {
    overview: '概要',
    tags: 'タグ',
    mirror: 'ミラー',
    replications: 'レプリケーション',
    webhooks: 'Webhook',
    access: 'アクセス権',
    activity: 'アクティビティ',
    settings: '設定',
  },
  private: '非公開',
  public: '公開',
  pull: 'プル',
  noDescription: '説明はまだありません。',
  facts: { created: '作成', updated: '最終更新', size: 'サイズ', tags: 'タグ' },
  archived: 'アーカイブ済み',
  absentTitle: 'リポジトリが見つかりません',
  absent: (name) =>
    `リポジトリ ${name} はないか、アクセス権がありません。組織のオーナーかリポジトリの管理者に、あなたのチームへの権限の付与を依頼してください。`,
  all: 'すべてのリポジトリ',
  mirrorAlone:
    'ミラーを管理できます。コピーされたイメージをプルするには、オーナーかリポジトリの管理者に、チームへの権限の付与を依頼してください。',
  hidden: (tab) => `${tab}はこのリポジトリの管理者向けです。組織のオーナーまたは編集者に依頼してください。`,
}
