import type { Text } from '../en/index.ts'

export const shell: Text['shell'] = {
  program: 'Kagami 鏡',
  organization: '組織',
  noOrganization: 'まだどの組織にも所属していません。オーナーに招待を依頼してください。',
  navigation: 'ナビゲーション',
  home: 'ホーム',
  people: 'メンバー',
  settings: '設定',
  operator: 'サーバー運用',
  catalog: 'カタログ',
  repositories: 'リポジトリ',
  mirrors: 'ミラー',
  account: 'アカウント',
  profile: 'プロフィール',
  signOut: 'サインアウト',
  theme: { auto: 'システムに合わせる', light: 'ライトテーマ', dark: 'ダークテーマ' },
  skip: '本文へスキップ',
  language: '言語',
  webhooks: 'Webhook',
}
