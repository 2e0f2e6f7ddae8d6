import type { Text } from '../en/index.ts'

export const start: Text['start'] = {
  title: (source) => `${source} をミラー`,
  organization: '組織',
  name: 'リポジトリ名',
  nameHelp: 'リポジトリは非公開で作成されます。',
  taken: (name) => `${name} は既にあります。別の名前を指定してください。`,
  adopt: 'このリポジトリへミラーする。今ある内容はそのまま残ります。',
  stopped: (name) => `${name} は以前このソースのミラーでした`,
  again: (name) => `${name} へのミラーを再開`,
  tags: 'タグ',
  tagsHelp:
    '1 行に 1 つずつグロブを書きます。3.* は対象に含め、!*-dev は除外します。空欄の場合はすべてのタグが対象です。',
  every: '更新を確認する間隔',
  intervals: { '5m': '5 分ごと', '15m': '15 分ごと', '1h': '1 時間ごと', '6h': '6 時間ごと', '1d': '毎日' },
  plan: 'コピーの内容',
  planning: 'アップストリームを確認しています…',
  planLine: (o) =>
    `タグ ${o.tags} 件、マニフェスト ${o.manifests} 件、署名とアテステーション ${o.attestations} 件、${o.size}`,
  submit: 'ミラーリングを開始',
}
