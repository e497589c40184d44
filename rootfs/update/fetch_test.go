package update

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestFetch(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	mux := http.NewServeMux()
	mux.HandleFunc("/u.brl", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(want) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/u.brl?x=1", http.StatusFound) })
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	mux.HandleFunc("/tls", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://127.0.0.1/", http.StatusFound)
	})
	mux.HandleFunc("/hold", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	for _, path := range []string{"/u.brl", "/moved"} {
		body, err := Fetch(t.Context(), s.URL+path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
		if err := body.Close(); err != nil {
			t.Error(err)
		}
	}
	for path, want := range map[string]string{"/none": "404", "/round": "too often", "/tls": "https is not needed"} {
		if _, err := Fetch(t.Context(), s.URL+path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	body, err := Fetch(ctx, s.URL+"/hold")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(body); err == nil {
		t.Error("cancelled, and read to the end")
	}
	body.Close()
}
