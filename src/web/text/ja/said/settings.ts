import type { Said } from '../../said.ts'

export const settings: Said['settings'] = {
  KAGAMI_DATA: 'データベース、ブロブ、鍵を置くディレクトリ',
  KAGAMI_LISTEN: 'レジストリと API が待ち受けるアドレス',
  KAGAMI_URL: '公開アドレス。未設定なら、トークンのレルムはリクエストの Host に従う',
  KAGAMI_OWNER: '最初のユーザーの名前。最初の組織のオーナーで、サーバーの運用者になる',
  KAGAMI_OWNER_PASSWORD: '最初のユーザーのパスワード。未設定なら作成し、一度だけ表示する',
  KAGAMI_ORG: '最初の組織の名前',
  KAGAMI_SAMPLE: 'サンプルのアップストリームが待ち受けるアドレス',
  KAGAMI_DATABASE: 'データの置き場所',
  KAGAMI_SEAL_KEY:
    'データベース内の秘密を封じる鍵。データベースを使う全サーバーで同じもの。未設定なら、最初の起動時にデータディレクトリに作る seal.key を使う',
  KAGAMI_BLOBS:
    'ブロブの置き場所。データディレクトリのファイル、または S3 のバケット。バケットには環境変数 AWS_ACCESS_KEY_ID と AWS_SECRET_ACCESS_KEY、またはマシンのロールが必要',
  KAGAMI_BLOB_REDIRECT:
    '2 MiB を超えるブロブを、クライアントが S3 から直接取得するかどうか。アドレスは一つのブロブだけに、5 分間有効。off ならサーバーを経由する',
  KAGAMI_DEFINITIONS:
    '共有アップストリームのカタログを説明する hardened イメージの定義 (フォルダー、.tar、.tar.gz)。同じデータベースを使うサーバーすべてで同じにする',
  KAGAMI_ALLOW_NETWORKS:
    'アップストリームがあってよい私設ネットワーク。このマシンは 127.0.0.0/8。未設定ならなし。ただし、サーバーがループバックだけで待ち受け、KAGAMI_URL が未設定かループバックの間は、このマシンも許可する',
  KAGAMI_TRUSTED_PROXIES:
    'X-Forwarded-For または Forwarded ヘッダーを信じるリバースプロキシ。そこに書かれた接続元ごとにログインの失敗を数える',
  KAGAMI_HISTORY: 'タグの履歴と、タグが指していた内容を残す期間',
  KAGAMI_AUDIT: '監査ログを残す期間',
  KAGAMI_GC: '何からも参照されなくなった内容を片付ける間隔。off なら kagami gc でだけ片付ける',
  KAGAMI_GC_GRACE:
    '何からも参照されない内容を、最後に求められてから残しておく時間。これより長くかかるプッシュはやり直しになることがある',
  KAGAMI_KEEP_MIRRORED:
    'ミラーした内容を、最後のタグ・親・対象がなくなってから残す期間。リポジトリで別に決めることもできる',
  KAGAMI_KEEP_MIRRORED_AFTER_PULL: 'そのような内容を、最後のプルから残す期間',
  KAGAMI_KEEP_PUSHED: 'KAGAMI_KEEP_MIRRORED と同じく、プッシュされた内容を残す期間。0 なら猶予時間だけ',
  KAGAMI_KEEP_PUSHED_AFTER_PULL: 'そのような内容を、最後のプルから残す期間',
  KAGAMI_TAKEOVER: '応答のないサーバーの同期を、同じ PostgreSQL を使う別のサーバーが引き継ぐまでの時間',
  KAGAMI_METRICS_ALLOW: 'サインインせずに /metrics を読めるクライアント。ほかは運用者のトークンが必要',
  KAGAMI_RUNS_AT_ONCE: '同時に行うミラーの同期の数。データベースを使う全サーバーの合計で、超えた分は順番を待つ',
  KAGAMI_UPSTREAM_REQUESTS:
    '一つのレジストリとログインへ同時に送るリクエストの上限。データベースを使う全サーバーの合計で、実際の数はレジストリの応答に合わせる',
  KAGAMI_WORKERS:
    'レジストリを一つのポートで提供するプロセスの数。メインのプロセスを含み、そのほかの仕事はすべてメインが行う。Linux 以外では常に一つ',
  KAGAMI_SMTP_URL:
    '招待状と、Webhook が無効になった知らせを送るメールサーバー。KAGAMI_ALLOW_NETWORKS が許すアドレスで、リンク先として KAGAMI_URL も必要。未設定ならメールを送らない',
  KAGAMI_SMTP_FROM: 'メールの差出人。KAGAMI_SMTP_URL とともに設定する',
  KAGAMI_DOCKER_CONFIG: 'docker のログイン情報と認証ヘルパーの設定。docker でサインインする共有の送り先が使う',
  KAGAMI_LOG: '標準エラーに記録する最低のレベル',
}

export const defaults: Said['defaults'] = {
  KAGAMI_DATABASE: 'データディレクトリの kagami.sqlite',
  KAGAMI_WORKERS: 'コアの数 (最大 16)。Linux 以外では 1',
  KAGAMI_DOCKER_CONFIG: 'DOCKER_CONFIG、またはホームディレクトリの .docker にある config.json',
}
