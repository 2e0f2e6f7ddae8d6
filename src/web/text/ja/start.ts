import type { Text } from '../en/index.ts'

export const start: Text['start'] = {
  title: (source) => `${source} をミラー`,
  organization: '組織',
  name: 'リポジトリ名',
  nameHelp: '非公開になります。',
  tags: 'タグ',
  tagsHelp: '1 行に 1 つのグロブ: 3.* は含め、!*-dev は除きます。空ならすべてのタグ。',
  every: '更新の確認',
  intervals: { '5m': '5 分ごと', '15m': '15 分ごと', '1h': '1 時間ごと', '6h': '6 時間ごと', '1d': '毎日' },
  plan: 'コピーされるもの',
  planning: 'アップストリームを調べています…',
  planLine: (o) => `タグ ${o.tags}、マニフェスト ${o.manifests}、署名と証明 ${o.attestations}、${o.size}`,
  submit: 'ミラーを開始',
}
