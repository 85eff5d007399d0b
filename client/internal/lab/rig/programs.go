//go:build linux

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"text/template"
	"time"
)

// program is a proxy from a Debian package.
type program struct {
	name   string
	args   []string // to run it in the foreground, followed by the configuration file
	reload syscall.Signal
	tls    bool   // between client and proxy; otherwise HTTP/2 is unencrypted
	tunnel bool   // the client sends CONNECT
	config string // template with Dir, Port, Service (a port), Idle and Refuse
}

var programs = []program{
	{name: "haproxy", args: []string{"-W", "-db", "-f"}, reload: syscall.SIGUSR2, tls: true, config: `
global
  hard-stop-after 1s
defaults
  mode http
  timeout connect 50ms
  timeout client 10s
  timeout server 10s
  {{if .Idle}}timeout http-keep-alive 10ms{{end}}
frontend clients
  bind 127.0.0.1:{{.Port}} ssl crt {{.Dir}}/server.pem alpn h2,http/1.1
  default_backend service
backend service
  server s 127.0.0.1:{{.Service}}
`},
	{name: "nginx", args: []string{"-e", "stderr", "-c"}, reload: syscall.SIGHUP, tls: true, config: `
daemon off; worker_processes 2; worker_shutdown_timeout 1s; pid {{.Dir}}/nginx.pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path {{.Dir}}/body; proxy_temp_path {{.Dir}}/proxy;
  fastcgi_temp_path {{.Dir}}/fastcgi; uwsgi_temp_path {{.Dir}}/uwsgi; scgi_temp_path {{.Dir}}/scgi;
  {{if .Idle}}keepalive_timeout 10ms; keepalive_requests 3;{{end}}
  upstream service { server 127.0.0.1:{{.Service}}; keepalive 64; }
  server {
    listen 127.0.0.1:{{.Port}} ssl http2;
    ssl_certificate {{.Dir}}/server.pem; ssl_certificate_key {{.Dir}}/server.pem;
    location / { proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`},
	{name: "lighttpd", args: []string{"-D", "-f"}, reload: syscall.SIGUSR1, config: `
server.modules = ("mod_proxy")
server.document-root = "{{.Dir}}"
server.bind = "127.0.0.1"
server.port = {{.Port}}
server.feature-flags = ("server.h2c" => "enable", "server.graceful-shutdown-timeout" => 1)
{{if .Idle}}server.max-keep-alive-idle = 1
server.max-keep-alive-requests = 3{{end}}
proxy.server = ("" => (("host" => "127.0.0.1", "port" => {{.Service}})))
`},
	{name: "squid", args: []string{"-N", "-f"}, reload: syscall.SIGHUP, tunnel: true, config: `
http_port 127.0.0.1:{{.Port}}
pid_filename none
access_log none
cache_log /dev/null
memory_cache_shared off
netdb_filename none
shutdown_lifetime 0 seconds
{{if eq .Refuse "403"}}http_access deny all{{end}}
{{if eq .Refuse "407"}}auth_param basic program /usr/lib/squid/basic_fake_auth
acl known proxy_auth REQUIRED
http_access deny !known{{end}}
http_access allow all
`},
}

// start writes the program's configuration, starts it in its own process group, and waits
// until it serves.
func (s *scenario) start() error {
	name := filepath.Join(s.dir, s.program.name)
	config, err := os.Create(name + ".conf")
	if err != nil {
		return err
	}
	defer config.Close()
	output, err := os.Create(name + ".log")
	if err != nil {
		return err
	}
	defer output.Close()
	if err := template.Must(template.New("").Parse(s.program.config)).Execute(config, map[string]any{
		"Dir": s.dir, "Port": s.port, "Service": s.service.port, "Idle": s.trouble.idle, "Refuse": s.trouble.refuse,
	}); err != nil {
		return err
	}
	cmd := exec.Command(s.program.name, append(slices.Clip(s.program.args), config.Name())...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.running = cmd
	for range 200 {
		if err = s.probe(); err == nil {
			return nil
		}
		time.Sleep(25 * time.Millisecond)
	}
	printed, _ := os.ReadFile(output.Name())
	return fmt.Errorf("the program does not respond: %w; it printed: %.300s", err, printed)
}

// probe checks that the program serves the scenario's protocol.
func (s *scenario) probe() error {
	if s.trouble.refuse != "" {
		conn, err := net.Dial("tcp", s.address())
		if err == nil {
			err = conn.Close()
		}
		return err
	}
	res, err := (&http.Client{Transport: s.transport, Timeout: time.Second}).Get(s.base)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || s.http2 != (res.ProtoMajor == 2) {
		return fmt.Errorf("%s %s", res.Proto, res.Status)
	}
	return nil
}

// stop sends the program a signal, and kills all its processes after a second.
func (s *scenario) stop(sig syscall.Signal) {
	if s.running == nil {
		return
	}
	group := -s.running.Process.Pid
	_ = s.running.Process.Signal(sig)
	force := time.AfterFunc(time.Second, func() { _ = syscall.Kill(group, syscall.SIGKILL) })
	_ = s.running.Wait()
	force.Stop()
	_ = syscall.Kill(group, syscall.SIGKILL) // workers that are still running
	s.running = nil
}
