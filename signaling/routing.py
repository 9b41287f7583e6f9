"""Sockets of the rooms."""

from django.urls import URLPattern

sockets: list[URLPattern] = []
